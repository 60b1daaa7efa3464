import { describe } from '@jest/globals';
import { LocalCounterEngine } from '../../src/counters/local-counter-engine.js';
import { ReplicatedCounterEngine } from '../../src/counters/replicated-counter-engine.js';
import { counterEngineContract } from './counter-engine.contract.js';

/** Engines with one key can read each other's checkpoints. */
const KEY = { k0: 1, k1: 2 };

/** Each engine is another run of the replica, as it is where one restores what an earlier one wrote. */
let runs = 0;
const nextRun = () => ({ replicaId: 'weir-0', bootId: String(runs++), region: '' });

describe('local counter engine', () => {
  counterEngineContract((limits) => new LocalCounterEngine(limits, KEY));
});

describe('replicated counter engine, alone', () => {
  counterEngineContract((limits) => new ReplicatedCounterEngine(limits, KEY, nextRun()));
});
