import { randomFillSync } from 'node:crypto';
import { Random } from './random.js';

/** Chance from the operating system, fetched in blocks because a call to it costs microseconds. */
export class SystemRandom extends Random {
  private readonly block = new Uint32Array(256);
  private used = this.block.length;

  uint32(): number {
    if (this.used === this.block.length) {
      randomFillSync(this.block);
      this.used = 0;
    }
    return this.block[this.used++] ?? 0;
  }
}
