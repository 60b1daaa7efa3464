import { DomainError } from '../../common/domain-error.js';

interface Wait {
  readonly deadline: number;
  /** Undefined once the work has ended. */
  reject: ((error: DomainError) => void) | undefined;
}

const FORGET_AT_ONCE = 1_000;

/**
 * `within` for many who wait equally long: whoever began first is out of patience first, so one timer does
 * for all of them. A timer of its own for each of thousands of debits a second costs as much as their groups.
 */
export class Patience {
  private waits: Wait[] = [];
  /** The first of them that may not have ended. */
  private first = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly waitMsMax: number,
    private readonly message: string,
  ) {}

  /** What the promise gives, or `UNAVAILABLE` after so long; what becomes of the work is then not known. */
  wait<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { deadline: performance.now() + this.waitMsMax, reject };
      this.waits.push(wait);
      this.timer ??= setTimeout(() => this.expire(), this.waitMsMax);
      work.then(
        (value) => resolve(this.ended(wait, value)),
        (error: unknown) => reject(this.ended(wait, error)),
      );
    });
  }

  /** Work ends about in the order in which it began. The last to end stops the timer: it would keep the process. */
  private ended<Outcome>(wait: Wait, outcome: Outcome): Outcome {
    wait.reject = undefined;
    this.forgetEnded();
    return outcome;
  }

  private forgetEnded(): void {
    const { waits } = this;
    while (this.first < waits.length && waits[this.first]?.reject === undefined) this.first++;
    if (this.first < waits.length && this.first < FORGET_AT_ONCE) return;
    this.waits = waits.slice(this.first);
    this.first = 0;
    if (this.waits.length > 0) return;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private expire(): void {
    const now = performance.now();
    const { waitMsMax, message } = this;
    this.first = 0;
    this.waits = this.waits.filter(({ deadline, reject }) => {
      if (reject === undefined) return false;
      if (deadline > now) return true;
      reject(new DomainError('UNAVAILABLE', message, { retryAfterMs: waitMsMax }));
      return false;
    });
    const [next] = this.waits;
    this.timer =
      next === undefined
        ? undefined
        : setTimeout(() => this.expire(), Math.max(1, next.deadline - now));
  }
}
