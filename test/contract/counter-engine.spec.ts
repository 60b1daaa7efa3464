import { describe } from '@jest/globals';
import { LocalCounterEngine } from '../../src/counters/local-counter-engine.js';
import { counterEngineContract } from './counter-engine.contract.js';

describe('local counter engine', () => {
  counterEngineContract((limits) => new LocalCounterEngine(limits));
});
