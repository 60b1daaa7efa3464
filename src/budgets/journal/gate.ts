import { DomainError } from '../../common/domain-error.js';

const RETRY_AFTER_MS = 500;

/** Lets callers pass, or makes a bounded number of them wait until it is opened again. */
export class Gate {
  private waiting: (() => void)[] = [];
  private waitingCount = 0;
  private isShut = false;

  constructor(private readonly waitingMax: number) {}

  /**
   * Undefined while it is open, so that nobody waits for a promise in vain. Who comes together passes
   * together: room for the first is room for all.
   *
   * @throws DomainError `RESOURCE_EXHAUSTED` if too many wait already.
   */
  pass(count: number): Promise<void> | undefined {
    if (!this.isShut) return undefined;
    if (this.waitingCount >= this.waitingMax) throw crowded(this.waitingCount);
    this.waitingCount += count;
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
    this.waitingCount = 0;
    for (const resolve of waiting) resolve();
  }
}

function crowded(waiting: number): DomainError {
  return new DomainError('RESOURCE_EXHAUSTED', `${waiting} debits wait for the journal already`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
