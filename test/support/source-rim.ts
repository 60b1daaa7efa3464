import type { BackoffBounds } from '../../src/discovery/core/backoff.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { SystemRandom } from '../../src/common/system-random.js';
import { RecordingLog } from './recording-log.js';

/** Pauses of a few milliseconds, so that tests need not wait. */
const SHORT: BackoffBounds = { firstMs: 2, maxMs: 20 };

/** For thousands of attempts in a row. */
export const SHORTEST: BackoffBounds = { firstMs: 1, maxMs: 1 };

/** Clock, chance and log for a source under test. */
export const sourceRim = (backoff = SHORT) => ({
  clock: new SystemClock(),
  random: new SystemRandom(),
  log: new RecordingLog(),
  backoff,
});
