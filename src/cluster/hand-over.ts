import type { HandedReservation, TakenOver } from './core/reservation-change.js';
import { nothingTaken } from './peer-transport.js';

/** What that run has taken; undefined: it does not answer. Never rejects. */
export type TellHeir = (
  bootId: string,
  handed: readonly HandedReservation[],
) => Promise<TakenOver | undefined>;

export interface HandedOver {
  /** Reservations that nobody has taken. */
  readonly lost: number;
  /** Numbers of the places that heirs count from now on. */
  readonly placesTaken: readonly number[];
}

/** No more is begun after that: whoever stops a replica waits for some seconds only. */
const BEGUN_WITHIN_MS = 2_000;
/** Reservations in a message, which takes a millisecond or two to make, and as long to read. */
export const TOLD_TOGETHER_MAX = 250;
/** Messages under way: an heir works on one while the next is made. */
const AT_ONCE = 4;

/**
 * What a replica that leaves tells the others to keep: some reservations to one of them, the next to the
 * next. An heir that does not answer, or has no more room, is told nothing further. What nobody has taken is lost
 * with its replica.
 */
export class HandOver {
  private readonly heirs: string[];
  private turn = 0;
  private isOver = false;
  private lost = 0;
  private readonly placesTaken: number[] = [];

  constructor(
    heirs: readonly string[],
    private readonly tell: TellHeir,
    private readonly begunWithinMs = BEGUN_WITHIN_MS,
  ) {
    this.heirs = [...heirs];
  }

  /** Never rejects. */
  async run(kept: Iterator<HandedReservation>): Promise<HandedOver> {
    const timer = setTimeout(() => (this.isOver = true), this.begunWithinMs);
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.work(kept)));
    clearTimeout(timer);
    return { lost: this.lost, placesTaken: this.placesTaken };
  }

  /** All of them draw from the same reservations. */
  private async work(kept: Iterator<HandedReservation>): Promise<void> {
    for (;;) {
      const together = nextOf(kept);
      if (together.length === 0) return;
      const taken = await this.handed(together);
      this.lost += together.length - taken;
    }
  }

  private async handed(together: readonly HandedReservation[]): Promise<number> {
    const heir = this.isOver ? undefined : this.heirs[this.turn++ % this.heirs.length];
    if (heir === undefined) return 0;
    const { taken, placesTaken } = (await this.tell(heir, together)) ?? nothingTaken();
    // No others: who says that it counts what it was not told would free what nobody counts.
    const told = new Set(together.flatMap(({ places }) => places.map(({ holdId }) => holdId)));
    this.placesTaken.push(...placesTaken.filter((holdId) => told.has(holdId)));
    const at = this.heirs.indexOf(heir);
    if (taken < together.length && at >= 0) this.heirs.splice(at, 1);
    return Math.min(taken, together.length);
  }
}

function nextOf(kept: Iterator<HandedReservation>): readonly HandedReservation[] {
  const together: HandedReservation[] = [];
  while (together.length < TOLD_TOGETHER_MAX) {
    const next = kept.next();
    if (next.done === true) break;
    together.push(next.value);
  }
  return together;
}
