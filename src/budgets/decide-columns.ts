import { periodName } from './core/period-name.js';
import type { CallFacts, LedgerItem, PeriodLimit, ReservationName } from './core/ledger-item.js';
import type { Debit, PeriodKey } from './core/ledger-model.js';
import { sqlArray } from './sql-array.js';

/** Items as the parallel arrays of `weir_decide_group`, and which of its postings belong to whom. */
export interface DecideColumns {
  readonly parameters: readonly unknown[];
  /** For each item: the half-open range of its postings. */
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
  /** For each posting: the period that was asked for. */
  readonly periods: readonly PeriodKey[];
  /** For each posting: the index of its period in the answer's list of extras. */
  readonly periodIndexes: readonly number[];
}

const KINDS = { hold: 1, debit: 2, release: 3, extend: 4, expire: 5 } as const;
const FORCE_RELEASE = 6;

const NO_CALL: CallFacts = {
  virtualKeyId: '',
  teamId: '',
  customerId: '',
  provider: '',
  model: '',
};

export function decideColumns(items: readonly LedgerItem[], atMs: number | null): DecideColumns {
  const table = new PeriodTable();
  const periods: PeriodKey[] = [];
  const periodIndexes: number[] = [];
  const ranges = items.map((item) => {
    const from = periods.length;
    for (const limit of limitsOf(item)) {
      periods.push(limit.key);
      periodIndexes.push(table.indexOf(limit));
    }
    return { from, to: periods.length };
  });
  const parameters = [
    atMs,
    ...itemColumns(items),
    ...ledgerColumns(items),
    ranges.map(({ from }) => from + 1),
    ranges.map(({ to }) => to),
    periodIndexes.map((index) => index + 1),
    ...table.columns(),
  ];
  return { parameters, ranges, periods, periodIndexes };
}

/** The periods of an item; what a debit does not watch has no threshold. */
function limitsOf(item: LedgerItem): readonly PeriodLimit[] {
  if (item.kind === 'hold' || item.kind === 'extend') return item.budgets;
  if (item.kind !== 'debit') return [];
  const watched = new Map(item.watched.map((limit) => [periodName(limit.key), limit]));
  return item.debit.postedTo.map(
    (key) =>
      watched.get(periodName(key)) ?? {
        key,
        limitNanos: 0n,
        isEnforced: false,
        thresholdPercents: [],
      },
  );
}

/** Each period once for each way in which items of the group know its limit. */
class PeriodTable {
  private readonly limits: PeriodLimit[] = [];
  private readonly indexes = new Map<string, number>();

  indexOf(limit: PeriodLimit): number {
    const { key, limitNanos, isEnforced, thresholdPercents } = limit;
    const name = `${periodName(key)} ${limitNanos} ${isEnforced} ${thresholdPercents.join()}`;
    const known = this.indexes.get(name);
    if (known !== undefined) return known;
    const index = this.limits.push(limit) - 1;
    this.indexes.set(name, index);
    return index;
  }

  columns(): readonly unknown[] {
    return [
      this.limits.map(({ key }) => key.budgetId),
      this.limits.map(({ key }) => key.generation),
      this.limits.map(({ key }) => key.period.start),
      this.limits.map(({ key }) => key.period.end),
      this.limits.map(({ limitNanos }) => limitNanos),
      this.limits.map(({ isEnforced }) => isEnforced),
      this.limits.map(({ thresholdPercents }) => sqlArray(thresholdPercents)),
    ];
  }
}

function itemColumns(items: readonly LedgerItem[]): readonly unknown[] {
  return [
    items.map((item) =>
      item.kind === 'expire' && item.isForced ? FORCE_RELEASE : KINDS[item.kind],
    ),
    items.map((item) => entryIdOf(item)),
    items.map((item) => (item.kind === 'debit' ? item.debit.scope : item.scope)),
    items.map((item) => (item.kind === 'debit' ? item.debit.idempotencyKey : '')),
    items.map((item) => hashOf(item)),
    items.map((item) => (nameOf(item)?.kind === 'id' ? textOf(nameOf(item)) : '')),
    items.map((item) => (nameOf(item)?.kind === 'key' ? textOf(nameOf(item)) : '')),
    items.map((item) => amountOf(item)),
    items.map((item) => (item.kind === 'hold' || item.kind === 'extend' ? item.ttlMs : 0)),
    items.map((item) => (item.kind === 'hold' ? item.floorNanos : 0)),
    items.map((item) => (item.kind === 'hold' ? item.onExpiry : '')),
    items.map((item) => (item.kind === 'hold' ? item.takes : '')),
  ];
}

function entryIdOf(item: LedgerItem): string {
  if (item.kind === 'hold') return item.id;
  if (item.kind === 'debit') return item.debit.id;
  return item.kind === 'expire' ? item.entryId : '';
}

function hashOf(item: LedgerItem): string {
  if (item.kind === 'hold') return item.bodyHash;
  return item.kind === 'debit' ? item.debit.bodyHash : '';
}

function nameOf(item: LedgerItem): ReservationName | undefined {
  if (item.kind === 'hold') return { kind: 'key', key: item.reservationKey };
  if (item.kind === 'expire') return { kind: 'id', id: item.reservationId };
  return item.reservation;
}

const textOf = (name: ReservationName | undefined): string =>
  name === undefined ? '' : name.kind === 'id' ? name.id : name.key;

function amountOf(item: LedgerItem): bigint {
  if (item.kind === 'hold') return item.amountNanos;
  if (item.kind === 'debit') return item.debit.amountNanos;
  return item.kind === 'extend' ? item.addNanos : 0n;
}

function ledgerColumns(items: readonly LedgerItem[]): readonly unknown[] {
  const calls = items.map((item): CallFacts => {
    if (item.kind === 'hold') return item;
    return item.kind === 'debit' ? item.debit : NO_CALL;
  });
  const debits = items.map((item): Debit | undefined =>
    item.kind === 'debit' ? item.debit : undefined,
  );
  const keys = items.map((item) => limitsOf(item).map(({ key }) => key));
  return [
    calls.map((call) => call.virtualKeyId),
    calls.map((call) => call.teamId),
    calls.map((call) => call.customerId),
    calls.map((call) => call.provider),
    calls.map((call) => call.model),
    debits.map((debit) => debit?.tokens.input ?? 0),
    debits.map((debit) => debit?.tokens.cachedInput ?? 0),
    debits.map((debit) => debit?.tokens.output ?? 0),
    debits.map((debit) => debit?.tokens.reasoning ?? 0),
    debits.map((debit) => debit?.priceId ?? ''),
    debits.map((debit) => debit?.priceRevision ?? 0),
    keys.map((list) => sqlArray(list.map((key) => key.budgetId))),
    keys.map((list) => sqlArray(list.map((key) => key.generation))),
    keys.map((list) => sqlArray(list.map((key) => key.period.start))),
    keys.map((list, i) => sqlArray(list.map(() => debits[i]?.amountNanos ?? 0))),
  ];
}
