/**
 * Which keys are in the journal, and what a new debit with one of them is answered. The invariant: a key
 * is here from the moment that its record is durable until the ledger is known to have it, so that of two
 * debits with one key the journal never holds both.
 *
 * Two steps, since between them lies the disk: {@link JournalBook.admit} decides a group and
 * {@link JournalBook.add} notes what has become durable.
 */
import type { WallMs } from '../../common/time.js';
import {
  factsOf,
  type JournalAnswer,
  type JournalEntry,
  type JournaledFacts,
} from './journal-entry.js';

interface Noted {
  readonly bodyHash: string;
  readonly facts: JournaledFacts;
  readonly journaledAt: WallMs;
}

export interface Admission {
  readonly answer: JournalAnswer;
  /** Index into {@link Admissions.toWrite} of what the answer holds only together with. */
  readonly write: number | undefined;
}

export interface Admissions {
  /** In the order of the entries. */
  readonly admissions: readonly Admission[];
  readonly toWrite: readonly JournalEntry[];
}

export class JournalBook {
  /** In the order of the journal: the first one is the oldest. */
  private readonly noted = new Map<string, Noted>();

  get records(): number {
    return this.noted.size;
  }

  /** When the oldest of the debits was journaled. */
  oldestAt(): WallMs | undefined {
    for (const { journaledAt } of this.noted.values()) return journaledAt;
    return undefined;
  }

  /** Decides a group in order; a key may come twice in it. */
  admit(entries: readonly JournalEntry[]): Admissions {
    const toWrite: JournalEntry[] = [];
    const inGroup = new Map<string, number>();
    const admissions = entries.map((entry): Admission => {
      const name = keyName(entry);
      const known = this.noted.get(name);
      if (known !== undefined) return { answer: repeated(entry, known), write: undefined };
      const earlier = toWrite[inGroup.get(name) ?? -1];
      if (earlier !== undefined)
        return { answer: repeated(entry, notedOf(earlier)), write: inGroup.get(name) };
      const write = toWrite.push(entry) - 1;
      inGroup.set(name, write);
      return { answer: { kind: 'journaled', isReplayed: false, facts: factsOf(entry) }, write };
    });
    return { admissions, toWrite };
  }

  /** Has become durable. */
  add(entry: JournalEntry): void {
    const name = keyName(entry);
    if (!this.noted.has(name)) this.noted.set(name, notedOf(entry));
  }

  /** Is in the ledger, or among the dead letters. */
  remove(entry: JournalEntry): void {
    this.noted.delete(keyName(entry));
  }

  clear(): void {
    this.noted.clear();
  }
}

function repeated(entry: JournalEntry, { bodyHash, facts }: Noted): JournalAnswer {
  if (entry.item.debit.bodyHash !== bodyHash) return { kind: 'conflict' };
  return { kind: 'journaled', isReplayed: true, facts };
}

const notedOf = (entry: JournalEntry): Noted => ({
  bodyHash: entry.item.debit.bodyHash,
  facts: factsOf(entry),
  journaledAt: entry.journaledAt,
});

const keyName = ({ item: { debit } }: JournalEntry): string =>
  `${debit.scope}\u0000${debit.idempotencyKey}`;
