import { DomainError } from '../common/domain-error.js';
import { allRejected, type Settled } from '../common/settled.js';

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
  resolve(answer: Answer): void;
  reject(error: unknown): void;
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
    const refusal = this.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.queue.push({ item, resolve, reject });
      this.schedule();
    });
  }

  /**
   * Items that came together, with one promise for all of them: it is there when the last of them was
   * answered, and each is settled by itself. Room for the first of them is room for all.
   */
  submitAll(items: readonly Item[]): Promise<readonly Settled<Answer>[]> {
    const refusal = this.refusal();
    if (refusal !== undefined) return Promise.resolve(allRejected(items, refusal));
    return new Promise((resolve) => {
      const batch = new Batch<Answer>(items.length, resolve);
      let place = 0;
      for (const item of items) this.queue.push(new BatchItem(item, batch, place++));
      this.schedule();
    });
  }

  private refusal(): DomainError | undefined {
    if (this.isClosed) return stopping();
    return this.queue.length < this.options.queueMax ? undefined : overloaded(this.queue.length);
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
      for (const waiting of group) waiting.reject(error);
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
  let i = 0;
  for (const waiting of group) {
    const answer = answers[i];
    if (answer === undefined)
      waiting.reject(new Error(`a flush of ${group.length} left item ${i} unanswered`));
    else waiting.resolve(answer);
    i++;
  }
}

/** The outcomes of items that came together. */
class Batch<Answer> {
  private readonly outcomes: Settled<Answer>[] = [];

  constructor(
    private open: number,
    private readonly resolve: (outcomes: readonly Settled<Answer>[]) => void,
  ) {
    this.endIfSettled();
  }

  settle(place: number, outcome: Settled<Answer>): void {
    this.outcomes[place] = outcome;
    this.open--;
    this.endIfSettled();
  }

  private endIfSettled(): void {
    if (this.open === 0) this.resolve(this.outcomes);
  }
}

/** A thousand of these wait through each flush of a busy ledger: a place in a batch is all that each keeps. */
class BatchItem<Item, Answer> implements Waiting<Item, Answer> {
  constructor(
    readonly item: Item,
    private readonly batch: Batch<Answer>,
    private readonly place: number,
  ) {}

  resolve(value: Answer): void {
    this.batch.settle(this.place, { status: 'fulfilled', value });
  }

  reject(reason: unknown): void {
    this.batch.settle(this.place, { status: 'rejected', reason });
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
