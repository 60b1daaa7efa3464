import type { HandedReservation } from './core/reservation-change.js';

/** How many that run has taken; undefined: it does not answer. Never rejects. */
export type TellHeir = (
  bootId: string,
  handed: readonly HandedReservation[],
) => Promise<number | undefined>;

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

  constructor(
    heirs: readonly string[],
    private readonly tell: TellHeir,
    private readonly begunWithinMs = BEGUN_WITHIN_MS,
  ) {
    this.heirs = [...heirs];
  }

  /** Gives how many are lost. Never rejects. */
  async run(kept: Iterator<HandedReservation>): Promise<number> {
    const timer = setTimeout(() => (this.isOver = true), this.begunWithinMs);
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.work(kept)));
    clearTimeout(timer);
    return this.lost;
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
    const taken = (await this.tell(heir, together)) ?? 0;
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
