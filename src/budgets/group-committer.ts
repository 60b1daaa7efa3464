import { DomainError } from '../common/domain-error.js';

export interface GroupCommitterOptions {
  /** Most items of one flush. */
  readonly groupSizeMax: number;
  /** Most items that wait; what comes then is refused. */
  readonly queueMax: number;
  /** Flushes that may be under way at once. */
  readonly flushesMax: number;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers callers' items into groups that share one round trip. There is no timer to tune: what comes
 * while a flush is under way makes the next group, so that an idle ledger answers at once, and a busy
 * one takes the larger groups the busier it is.
 */
export class GroupCommitter<Item, Answer> {
  private queue: Waiting<Item, Answer>[] = [];
  private flushes = 0;
  private isScheduled = false;
  private isClosed = false;
  private idle: (() => void)[] = [];

  /** `flush` answers in the order of the items; when it throws, all of its items fail with that error. */
  constructor(
    private readonly flush: (items: readonly Item[]) => Promise<readonly Answer[]>,
    private readonly options: GroupCommitterOptions,
  ) {}

  /** Items that wait for a flush, without those under way. */
  get queued(): number {
    return this.queue.length;
  }

  /**
   * @throws DomainError `RESOURCE_EXHAUSTED` if too many wait already, `UNAVAILABLE` after
   * {@link close}.
   */
  submit(item: Item): Promise<Answer> {
    if (this.isClosed) return Promise.reject(stopping());
    if (this.queue.length >= this.options.queueMax)
      return Promise.reject(overloaded(this.queue.length));
    return new Promise((resolve, reject) => {
      this.queue.push({ item, resolve, reject });
      this.schedule();
    });
  }

  /** Refuses new items, and resolves when all that were taken have been answered. */
  async close(): Promise<void> {
    this.isClosed = true;
    if (this.queue.length === 0 && this.flushes === 0) return;
    await new Promise<void>((resolve) => {
      this.idle.push(resolve);
    });
  }

  /** After the input of this turn of the event loop, so that calls that arrived together go together. */
  private schedule(): void {
    if (this.isScheduled || this.flushes >= this.options.flushesMax) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.startFlushes();
    });
  }

  private startFlushes(): void {
    while (this.queue.length > 0 && this.flushes < this.options.flushesMax) {
      const group = this.queue.slice(0, this.options.groupSizeMax);
      this.queue = this.queue.slice(this.options.groupSizeMax);
      void this.flushGroup(group);
    }
  }

  private async flushGroup(group: readonly Waiting<Item, Answer>[]): Promise<void> {
    this.flushes++;
    try {
      settle(group, await this.flush(group.map(({ item }) => item)));
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      this.flushes--;
      this.startFlushes();
      if (this.queue.length === 0 && this.flushes === 0) this.reportIdle();
    }
  }

  private reportIdle(): void {
    for (const resolve of this.idle) resolve();
    this.idle = [];
  }
}

function settle<Item, Answer>(
  group: readonly Waiting<Item, Answer>[],
  answers: readonly Answer[],
): void {
  for (const [i, { resolve, reject }] of group.entries()) {
    const answer = answers[i];
    if (answer === undefined)
      reject(new Error(`a flush of ${group.length} left item ${i} unanswered`));
    else resolve(answer);
  }
}

/** A queue is full when the store stands still, so its length says nothing about how long to wait. */
const RETRY_AFTER_MS = 500;

const overloaded = (queued: number): DomainError =>
  new DomainError('RESOURCE_EXHAUSTED', `${queued} items wait for the ledger already`, {
    retryAfterMs: RETRY_AFTER_MS,
  });

const stopping = (): DomainError =>
  new DomainError('UNAVAILABLE', 'this replica is stopping; another one answers', {
    retryAfterMs: RETRY_AFTER_MS,
  });
