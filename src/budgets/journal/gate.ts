import { DomainError } from '../../common/domain-error.js';

const RETRY_AFTER_MS = 500;

/** Lets callers pass, or makes a bounded number of them wait until it is opened again. */
export class Gate {
  private waiting: (() => void)[] = [];
  private isShut = false;

  constructor(private readonly waitingMax: number) {}

  /**
   * Undefined while it is open, so that nobody waits for a promise in vain.
   *
   * @throws DomainError `RESOURCE_EXHAUSTED` if too many wait already.
   */
  pass(): Promise<void> | undefined {
    if (!this.isShut) return undefined;
    if (this.waiting.length >= this.waitingMax) throw crowded(this.waiting.length);
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }

  shut(): void {
    this.isShut = true;
  }

  /** Those who wait go on in the order in which they came. */
  open(): void {
    this.isShut = false;
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function crowded(waiting: number): DomainError {
  return new DomainError('RESOURCE_EXHAUSTED', `${waiting} debits wait for the journal already`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
