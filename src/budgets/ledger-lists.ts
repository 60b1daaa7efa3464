import { unreachable } from '../common/assert.js';
import type {
  EntryFilter,
  EntryPlace,
  LedgerPage,
  PeriodPlace,
  ReservationFilter,
  ReservationPlace,
} from './ledger-reader.js';

/** Statements of the ledger's lists. A page is cut first, by an index, and its rows filled in then. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** Answers the name of the parameter that stands for the value. */
type Bind = (value: unknown) => string;

export const listEntries = (filter: EntryFilter, page: LedgerPage<EntryPlace>): Statement =>
  statement(
    (bind) => `
  SELECT e.id, e.kind, e.virtual_key_id, e.team_id, e.customer_id, e.provider, e.model,
      e.amount_nanos, e.price_id, e.price_revision, e.reservation_id, e.idempotency_key,
      ${milliseconds('e.recorded_at')} AS recorded_at_ms,
      (SELECT coalesce(json_agg(json_build_object(${PERIOD_FIELDS}, 'nanos', p.nanos::text)
          ORDER BY p.place), '[]')
        FROM unnest(e.budget_ids, e.generations, e.period_starts_ms, e.posted_nanos)
          WITH ORDINALITY AS p(budget_id, generation, start_ms, nanos, place)
        ${JOIN_PERIODS}) AS postings
    FROM (SELECT * FROM ledger_entries ${where(entryConditions(filter, page, bind))}
      ORDER BY recorded_at DESC, id DESC LIMIT ${bind(page.size)}) AS e
    ORDER BY e.recorded_at DESC, e.id DESC`,
  );

export const listPeriods = (budgetId: string, page: LedgerPage<PeriodPlace>): Statement =>
  statement((bind) => {
    const conditions = [`budget_id = ${bind(budgetId)}`];
    const { after, size } = page;
    if (after !== undefined)
      conditions.push(
        `(generation, period_start_ms) < (${bind(after.generation)}, ${bind(after.start)})`,
      );
    return `
  SELECT budget_id, generation, period_start_ms, period_end_ms, posted_nanos, held_nanos,
      carried_in_nanos
    FROM budget_periods ${where(conditions)}
    ORDER BY generation DESC, period_start_ms DESC LIMIT ${bind(size)}`;
  });

export const listReservations = (
  filter: ReservationFilter,
  page: LedgerPage<ReservationPlace>,
): Statement =>
  statement((bind) =>
    reservations(where(reservationConditions(filter, page, bind)), bind(page.size)),
  );

export const findReservation = (id: string): Statement =>
  statement((bind) => reservations(where([`id = ${bind(id)}`]), '1'));

const reservations = (condition: string, limit: string): string => `
  SELECT r.id, r.scope, r.virtual_key_id, r.reservation_key, r.state, r.amount_nanos,
      r.charged_nanos, r.provider, r.model, ${milliseconds('r.created_at')} AS created_at_ms,
      ${milliseconds('r.expires_at')} AS expires_at_ms,
      (SELECT coalesce(json_agg(json_build_object(${PERIOD_FIELDS}) ORDER BY p.place), '[]')
        FROM unnest(r.budget_ids, r.generations, r.period_starts_ms)
          WITH ORDINALITY AS p(budget_id, generation, start_ms, place)
        ${JOIN_PERIODS}) AS held_in
    FROM (SELECT * FROM reservations ${condition} ORDER BY id DESC LIMIT ${limit}) AS r
    ORDER BY r.id DESC`;

const PERIOD_FIELDS = `'budgetId', p.budget_id, 'generation', p.generation, 'startMs', p.start_ms,
  'endMs', b.period_end_ms`;

const JOIN_PERIODS = `JOIN budget_periods AS b ON b.budget_id = p.budget_id
  AND b.generation = p.generation AND b.period_start_ms = p.start_ms`;

const milliseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;

const instant = (parameter: string): string =>
  `to_timestamp(${parameter}::double precision / 1000)`;

/**
 * A place bounds the time by itself too: whole partitions are left out by comparisons of their key
 * alone, not by those of a row.
 */
function entryConditions(
  { owner, budgetId, interval }: EntryFilter,
  { after }: LedgerPage<EntryPlace>,
  bind: Bind,
): readonly string[] {
  const conditions = owner === undefined ? [] : ownerConditions(owner, bind);
  if (budgetId !== undefined) conditions.push(`${bind(budgetId)} = ANY (budget_ids)`);
  if (interval !== undefined)
    conditions.push(
      `recorded_at >= ${instant(bind(interval.start))}`,
      `recorded_at < ${instant(bind(interval.end))}`,
    );
  if (after !== undefined) {
    const at = instant(bind(after.recordedAt));
    conditions.push(`recorded_at <= ${at}`, `(recorded_at, id) < (${at}, ${bind(after.id)})`);
  }
  return conditions;
}

/** Said twice, because the indexes leave out entries without such an owner. */
function ownerConditions({ kind, id }: NonNullable<EntryFilter['owner']>, bind: Bind): string[] {
  switch (kind) {
    case 'root':
      return [];
    case 'customer':
      return [`customer_id = ${bind(id)}`, "customer_id <> ''"];
    case 'team':
      return [`team_id = ${bind(id)}`, "team_id <> ''"];
    case 'virtual_key':
      return [`virtual_key_id = ${bind(id)}`, "virtual_key_id <> ''"];
    default:
      return unreachable(kind);
  }
}

/** The scope of a key's reservations is the key, and the first column of an index. */
function reservationConditions(
  { virtualKeyId, state }: ReservationFilter,
  { after }: LedgerPage<ReservationPlace>,
  bind: Bind,
): readonly string[] {
  const conditions: string[] = [];
  if (virtualKeyId !== undefined) conditions.push(`scope = ${bind(virtualKeyId)}`);
  // Literally, for the index of open reservations.
  if (state === 'held') conditions.push("state = 'held'");
  else if (state !== undefined) conditions.push(`state = ${bind(state)}`);
  if (after !== undefined) conditions.push(`id < ${bind(after.id)}`);
  return conditions;
}

const where = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;

function statement(write: (bind: Bind) => string): Statement {
  const parameters: unknown[] = [];
  const sql = write((value) => `$${parameters.push(value)}`);
  return { sql, parameters };
}
