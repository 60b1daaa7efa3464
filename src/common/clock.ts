import type { MonoMs, WallMs } from './time.js';

/** Where drivers and services read time. Cores never see it: they are handed `now`. */
export abstract class Clock {
  abstract wallNow(): WallMs;
  abstract monoNow(): MonoMs;
}
