/**
 * How far a peer has followed one feed. Nothing is queued for it: what it lacks is what lies after the
 * position that it acknowledged. What was sent and is not acknowledged in time is sent again from there,
 * with the values of then.
 */
export class FeedProgress {
  /** Messages that are under way, by where each ends. */
  private underWay: number[] = [];
  private waitMs: number;
  /** Acknowledgements in a row that bring nothing new: the peer hears what comes after a gap. */
  private repeats = 0;
  sent: number;
  /** When something was sent last, if only that there is nothing. */
  toldAt = Number.NEGATIVE_INFINITY;
  /** When what is under way counts as lost. */
  retryAt = Number.POSITIVE_INFINITY;
  /** Times in a row that nothing was acknowledged. */
  misses = 0;
  /** The peer began with nothing and has not been told everything yet. */
  isState: boolean;
  /** It was told that there is nothing more, at least once. */
  hasCompleted = false;

  constructor(
    public acked: number,
    private readonly retransmitMs: number,
  ) {
    this.sent = acked;
    this.isState = acked === 0;
    this.waitMs = retransmitMs;
  }

  isOpen(windowMessages: number): boolean {
    return this.underWay.length < windowMessages;
  }

  send(to: number, isComplete: boolean, now: number): void {
    this.sent = to;
    this.toldAt = now;
    this.underWay.push(to);
    if (this.retryAt === Number.POSITIVE_INFINITY) this.retryAt = now + this.waitMs;
    if (!isComplete) return;
    this.isState = false;
    this.hasCompleted = true;
  }

  ack(position: number, now: number): void {
    if (position < this.acked || position > this.sent) return;
    if (position === this.acked && this.underWay.some((to) => to > position)) {
      this.repeats += 1;
      if (this.repeats >= REPEATS) this.rewind();
      return;
    }
    this.repeats = 0;
    this.acked = position;
    this.underWay = this.underWay.filter((to) => to > position);
    this.misses = 0;
    this.waitMs = this.retransmitMs;
    this.retryAt = this.underWay.length === 0 ? Number.POSITIVE_INFINITY : now + this.waitMs;
  }

  /** Goes back to what was acknowledged. */
  retry(): void {
    this.misses += 1;
    this.waitMs = Math.min(this.waitMs * 2, this.retransmitMs * BACKOFF_MAX);
    this.rewind();
  }

  private rewind(): void {
    this.repeats = 0;
    this.sent = this.acked;
    this.underWay = [];
    this.retryAt = Number.POSITIVE_INFINITY;
    this.isState = this.acked === 0;
    this.hasCompleted = false;
  }
}

const BACKOFF_MAX = 10;
/** As in TCP: fewer may only have come in another order. */
const REPEATS = 3;
