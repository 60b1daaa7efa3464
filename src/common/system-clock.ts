import { Clock } from './clock.js';
import { type MonoMs, monoMs, type WallMs, wallMs } from './time.js';

/** The clock of the machine. */
export class SystemClock extends Clock {
  wallNow(): WallMs {
    return wallMs(Date.now());
  }

  monoNow(): MonoMs {
    return monoMs(performance.now());
  }
}
