import { setImmediate as afterReading, setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { WeirConfig } from '../config/weir-config.js';

/** Peers are told of what is nearly used up within 5 ms, and so is this replica: time for one way and for the other. */
const ROUND_MS = 10;

/**
 * Lets a call wait while what is left of a limit may be gone already, so that peers are heard before it is
 * given out (ADR 0132).
 */
@Injectable()
export class ContendedWait {
  private readonly roundsMax: number;

  constructor({ cluster }: WeirConfig) {
    this.roundsMax = Math.ceil(cluster.contendedWaitMs / ROUND_MS);
  }

  /** Undefined: there is nothing to wait for. Else it resolves when that is so, or when the call has waited for long enough. */
  during(isContended: () => boolean): Promise<void> | undefined {
    return this.roundsMax > 0 && isContended() ? this.rounds(isContended) : undefined;
  }

  private async rounds(isContended: () => boolean): Promise<void> {
    for (let round = 0; round < this.roundsMax && isContended(); round++) {
      await delay(ROUND_MS);
      // A busy loop comes to its timers before it has read what has come meanwhile.
      await afterReading();
    }
  }
}
