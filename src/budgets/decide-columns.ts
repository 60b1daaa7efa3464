import { present } from '../common/assert.js';
import { PeriodTable } from './core/period-table.js';
import { periodName } from './core/period-name.js';
import type { CallFacts, LedgerItem, PeriodLimit, ReservationName } from './core/ledger-item.js';
import type { Debit, PeriodKey } from './core/ledger-model.js';
import { sqlNumbers, sqlTexts } from './sql-array.js';

/** Items as the parallel arrays of `weir_decide_group`, and which of its postings belong to whom. */
export interface DecideColumns {
  readonly parameters: readonly unknown[];
  /** For each item: the half-open range of its postings. */
  readonly ranges: readonly PostingRange[];
  /** For each posting: the period that was asked for. */
  readonly periods: readonly PeriodKey[];
  /** For each posting: the index of its view in the answer's list of places. */
  readonly views: readonly number[];
}

export interface PostingRange {
  readonly from: number;
  readonly to: number;
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
  const views: number[] = [];
  const ranges: PostingRange[] = [];
  for (const item of items) {
    const from = periods.length;
    for (const limit of limitsOf(item)) {
      periods.push(limit.key);
      views.push(table.indexOf(limit));
    }
    ranges.push({ from, to: periods.length });
  }
  const parameters = [
    atMs,
    ...itemColumns(items),
    ...ledgerColumns(items),
    ...postedColumns(items, ranges, periods),
    sqlNumbers(ranges.map(({ from }) => from + 1)),
    sqlNumbers(ranges.map(({ to }) => to)),
    sqlNumbers(views.map((view) => view + 1)),
    ...periodColumns(table),
  ];
  return { parameters, ranges, periods, views };
}

/** The periods of an item; what a debit does not watch has no threshold. */
function limitsOf(item: LedgerItem): readonly PeriodLimit[] {
  if (item.kind === 'hold' || item.kind === 'extend') return item.budgets;
  if (item.kind !== 'debit') return [];
  const { watched, debit } = item;
  if (isParallel(watched, debit.postedTo)) return watched;
  const known = new Map(watched.map((limit) => [periodName(limit.key), limit]));
  return debit.postedTo.map((key) => known.get(periodName(key)) ?? unwatched(key));
}

const isParallel = (watched: readonly PeriodLimit[], keys: readonly PeriodKey[]): boolean =>
  watched.length === keys.length && watched.every(({ key }, i) => key === keys[i]);

const unwatched = (key: PeriodKey): PeriodLimit => ({
  key,
  limitNanos: 0n,
  isEnforced: false,
  thresholdPercents: [],
});

function periodColumns(table: PeriodTable): readonly string[] {
  const { views, periods, viewPeriods, numbers } = table.sorted();
  return [
    sqlNumbers(viewPeriods.map((index) => index + 1)),
    sqlNumbers(views.map(({ limitNanos }) => limitNanos)),
    sqlTexts(views.map(({ isEnforced }) => String(isEnforced))),
    sqlTexts(views.map(({ thresholdPercents }) => sqlNumbers(thresholdPercents))),
    sqlTexts(periods.map(({ budgetId }) => budgetId)),
    sqlNumbers(periods.map(({ generation }) => generation)),
    sqlNumbers(periods.map(({ period }) => period.start)),
    sqlNumbers(periods.map(({ period }) => period.end)),
    sqlNumbers(numbers),
  ];
}

function itemColumns(items: readonly LedgerItem[]): readonly string[] {
  const names = items.map(nameOf);
  return [
    sqlNumbers(items.map(kindOf)),
    sqlTexts(items.map(entryIdOf)),
    sqlTexts(items.map((item) => (item.kind === 'debit' ? item.debit.scope : item.scope))),
    sqlTexts(items.map((item) => (item.kind === 'debit' ? item.debit.idempotencyKey : ''))),
    sqlTexts(items.map(hashOf)),
    sqlTexts(names.map((name) => (name?.kind === 'id' ? name.id : ''))),
    sqlTexts(names.map((name) => (name?.kind === 'key' ? name.key : ''))),
    sqlNumbers(items.map(amountOf)),
    sqlNumbers(
      items.map((item) => (item.kind === 'hold' || item.kind === 'extend' ? item.ttlMs : 0)),
    ),
    sqlNumbers(items.map((item) => (item.kind === 'hold' ? item.floorNanos : 0))),
    sqlTexts(items.map((item) => (item.kind === 'hold' ? item.onExpiry : ''))),
    sqlTexts(items.map((item) => (item.kind === 'hold' ? item.takes : ''))),
  ];
}

const kindOf = (item: LedgerItem): number =>
  item.kind === 'expire' && item.isForced ? FORCE_RELEASE : KINDS[item.kind];

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

function amountOf(item: LedgerItem): bigint {
  if (item.kind === 'hold') return item.amountNanos;
  if (item.kind === 'debit') return item.debit.amountNanos;
  return item.kind === 'extend' ? item.addNanos : 0n;
}

function ledgerColumns(items: readonly LedgerItem[]): readonly string[] {
  const calls = items.map(callOf);
  const debits = items.map((item): Debit | undefined =>
    item.kind === 'debit' ? item.debit : undefined,
  );
  return [
    sqlTexts(calls.map((call) => call.virtualKeyId)),
    sqlTexts(calls.map((call) => call.teamId)),
    sqlTexts(calls.map((call) => call.customerId)),
    sqlTexts(calls.map((call) => call.provider)),
    sqlTexts(calls.map((call) => call.model)),
    sqlNumbers(debits.map((debit) => debit?.tokens.input ?? 0)),
    sqlNumbers(debits.map((debit) => debit?.tokens.cachedInput ?? 0)),
    sqlNumbers(debits.map((debit) => debit?.tokens.output ?? 0)),
    sqlNumbers(debits.map((debit) => debit?.tokens.reasoning ?? 0)),
    sqlTexts(debits.map((debit) => debit?.priceId ?? '')),
    sqlNumbers(debits.map((debit) => debit?.priceRevision ?? 0)),
  ];
}

function callOf(item: LedgerItem): CallFacts {
  if (item.kind === 'hold') return item;
  return item.kind === 'debit' ? item.debit : NO_CALL;
}

/** What an entry or a reservation keeps of its own postings: lists of different lengths, as text. */
function postedColumns(
  items: readonly LedgerItem[],
  ranges: readonly PostingRange[],
  periods: readonly PeriodKey[],
): readonly string[] {
  const columns: [string[], string[], string[], string[]] = [[], [], [], []];
  const [budgets, generations, starts, amounts] = columns;
  for (const [i, item] of items.entries()) {
    const { from, to } = present(ranges[i], 'every item has a range');
    const keys = periods.slice(from, to);
    const amount = item.kind === 'debit' ? item.debit.amountNanos : 0;
    budgets.push(sqlTexts(keys.map(({ budgetId }) => budgetId)));
    generations.push(sqlNumbers(keys.map(({ generation }) => generation)));
    starts.push(sqlNumbers(keys.map(({ period }) => period.start)));
    amounts.push(sqlNumbers(keys.map(() => amount)));
  }
  return columns.map(sqlTexts);
}
