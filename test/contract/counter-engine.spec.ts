import { describe } from '@jest/globals';
import { LocalCounterEngine } from '../../src/counters/local-counter-engine.js';
import { counterEngineContract } from './counter-engine.contract.js';

/** Engines with one key can read each other's checkpoints. */
const KEY = { k0: 1, k1: 2 };

describe('local counter engine', () => {
  counterEngineContract((limits) => new LocalCounterEngine(limits, KEY));
});
