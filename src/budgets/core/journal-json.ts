/**
 * A debit as JSON and back, losing nothing: 64-bit integers are text. What is read is checked field by
 * field, since a file may have been written by anything.
 */
import { wallMs } from '../../common/time.js';
import { isInt64 } from './int64.js';
import type { JournalEntry } from './journal-entry.js';
import type { PeriodLimit, PostDebit, ReservationName } from './ledger-item.js';
import type { Debit, PeriodKey } from './ledger-model.js';

export function entryJson({ item, journaledAt, areLimitsCorrected }: JournalEntry): string {
  const corrected = areLimitsCorrected === true ? { areLimitsCorrected } : {};
  return JSON.stringify({ journaledAt, ...corrected, ...itemFields(item) });
}

export const itemJson = (item: PostDebit): string => JSON.stringify(itemFields(item));

/** Undefined for a text that is not an entry. */
export function readEntryJson(json: string): JournalEntry | undefined {
  try {
    const fields = new Fields(JSON.parse(json));
    const entry = { item: readItem(fields), journaledAt: wallMs(fields.integer('journaledAt')) };
    return fields.has('areLimitsCorrected')
      ? { ...entry, areLimitsCorrected: fields.flag('areLimitsCorrected') }
      : entry;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function itemFields({ debit, reservation, watched }: PostDebit): object {
  const { input, cachedInput, output, reasoning } = debit.tokens;
  return {
    debit: {
      ...debit,
      amountNanos: String(debit.amountNanos),
      tokens: [input, cachedInput, output, reasoning].map(String),
      postedTo: debit.postedTo.map(periodFields),
    },
    reservation: reservation ?? null,
    watched: watched.map(({ key, limitNanos, isEnforced, thresholdPercents }) => ({
      key: periodFields(key),
      limitNanos: String(limitNanos),
      isEnforced,
      thresholdPercents,
    })),
  };
}

const periodFields = ({ budgetId, generation, period }: PeriodKey): readonly unknown[] => [
  budgetId,
  generation,
  period.start,
  period.end,
];

function readItem(fields: Fields): PostDebit {
  return {
    kind: 'debit',
    debit: readDebit(fields.object('debit')),
    reservation: fields.isNull('reservation')
      ? undefined
      : readReservation(fields.object('reservation')),
    watched: fields.list('watched').map((watched) => readLimit(new Fields(watched))),
  };
}

function readDebit(fields: Fields): Debit {
  const [input, cachedInput, output, reasoning] = fields.list('tokens').map(int64);
  return {
    id: fields.text('id'),
    scope: fields.text('scope'),
    idempotencyKey: fields.text('idempotencyKey'),
    bodyHash: fields.text('bodyHash'),
    virtualKeyId: fields.text('virtualKeyId'),
    teamId: fields.text('teamId'),
    customerId: fields.text('customerId'),
    provider: fields.text('provider'),
    model: fields.text('model'),
    amountNanos: fields.int64('amountNanos'),
    tokens: {
      input: given(input),
      cachedInput: given(cachedInput),
      output: given(output),
      reasoning: given(reasoning),
    },
    priceId: fields.text('priceId'),
    priceRevision: fields.integer('priceRevision'),
    postedTo: fields.list('postedTo').map(readPeriod),
  };
}

function readReservation(fields: Fields): ReservationName {
  if (fields.text('kind') === 'id') return { kind: 'id', id: fields.text('id') };
  return { kind: 'key', key: fields.text('key') };
}

function readLimit(fields: Fields): PeriodLimit {
  return {
    key: readPeriod(fields.list('key')),
    limitNanos: fields.int64('limitNanos'),
    isEnforced: fields.flag('isEnforced'),
    thresholdPercents: fields.list('thresholdPercents').map(integer),
  };
}

function readPeriod(value: unknown): PeriodKey {
  if (!Array.isArray(value)) throw wrong();
  const [budgetId, generation, start, end]: readonly unknown[] = value;
  return {
    budgetId: text(budgetId),
    generation: integer(generation),
    period: { start: wallMs(integer(start)), end: wallMs(integer(end)) },
  };
}

/** The fields of an object of which nothing is known yet. */
class Fields {
  private readonly values: ReadonlyMap<string, unknown>;

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong();
    this.values = new Map(Object.entries(value));
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  isNull(name: string): boolean {
    return this.values.get(name) === null;
  }

  object(name: string): Fields {
    return new Fields(this.values.get(name));
  }

  list(name: string): readonly unknown[] {
    const value = this.values.get(name);
    if (!Array.isArray(value)) throw wrong();
    return value;
  }

  text(name: string): string {
    return text(this.values.get(name));
  }

  integer(name: string): number {
    return integer(this.values.get(name));
  }

  int64(name: string): bigint {
    return int64(this.values.get(name));
  }

  flag(name: string): boolean {
    const value = this.values.get(name);
    if (typeof value !== 'boolean') throw wrong();
    return value;
  }
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw wrong();
  return value;
}

function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrong();
  return value;
}

function int64(value: unknown): bigint {
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value)) throw wrong();
  const number = BigInt(value);
  if (!isInt64(number)) throw wrong();
  return number;
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw wrong();
  return value;
}

const wrong = (): SyntaxError => new SyntaxError('not a journaled debit');
