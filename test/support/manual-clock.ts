import { Clock } from '../../src/common/clock.js';
import { type MonoMs, monoMs, type WallMs, wallMs } from '../../src/common/time.js';

/** Shows the time that a test says. Timers go on by the clock of the machine. */
export class ManualClock extends Clock {
  private now: WallMs;

  /** @param time such as `2026-08-03T10:00:50Z`. */
  constructor(time: string) {
    super();
    this.now = instantOf(time);
  }

  wallNow(): WallMs {
    return this.now;
  }

  monoNow(): MonoMs {
    return monoMs(performance.now());
  }

  set(time: string): void {
    this.now = instantOf(time);
  }

  advance(ms: number): void {
    this.now = wallMs(this.now + ms);
  }
}

const instantOf = (time: string): WallMs => wallMs(Date.parse(time));
