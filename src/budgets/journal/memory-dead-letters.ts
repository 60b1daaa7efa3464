import type { Clock } from '../../common/clock.js';
import { itemJson } from '../core/journal-json.js';
import {
  type DeadLetter,
  type DeadLetterCursor,
  type DeadLetterPage,
  DeadLetters,
  type Refusal,
} from './dead-letters.js';

/** The dead letters' twin. For tests. */
export class MemoryDeadLetters extends DeadLetters {
  private readonly letters = new Map<string, DeadLetter>();

  constructor(private readonly clock: Clock) {
    super();
  }

  async add(refusals: readonly Refusal[]): Promise<void> {
    for (const { entry, reason } of refusals) {
      const { journaledAt, item } = entry;
      const { id, scope, virtualKeyId, idempotencyKey, amountNanos, provider, model } = item.debit;
      if (this.letters.has(id)) continue;
      const call = { scope, virtualKeyId, idempotencyKey, amountNanos, provider, model };
      const foundAt = this.clock.wallNow();
      const debitJson = itemJson(item);
      this.letters.set(id, { id, journaledAt, foundAt, ...call, reason, debitJson });
    }
  }

  async list(most: number, after: DeadLetterCursor | undefined): Promise<DeadLetterPage> {
    const all = [...this.letters.values()].sort((a, b) => (isBefore(a, b) ? 1 : -1));
    const rest = after === undefined ? all : all.filter((letter) => isBefore(letter, after));
    const letters = rest.slice(0, most);
    const last = letters.at(-1);
    const hasMore = rest.length > most && last !== undefined;
    return { letters, next: hasMore ? { foundAt: last.foundAt, id: last.id } : undefined };
  }

  async count(): Promise<number> {
    return this.letters.size;
  }
}

const isBefore = (a: DeadLetterCursor, b: DeadLetterCursor): boolean =>
  a.foundAt < b.foundAt || (a.foundAt === b.foundAt && a.id < b.id);
