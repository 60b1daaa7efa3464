import { describe, it } from '@jest/globals';
import { expectSoundSeeds, SEEDS } from './seed-half.js';

describe('replicas that count together', () => {
  it(`neither lose nor double a count in the first half of ${SEEDS} seeds, and keep to the bound`, () => {
    expectSoundSeeds('first');
  }, 3_600_000);
});
