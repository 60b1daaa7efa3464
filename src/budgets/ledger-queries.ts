import type { SpendQuery } from './core/ledger-model.js';

export interface LevelRow {
  readonly posted_nanos: string;
  readonly held_nanos: string;
  readonly extra_nanos: string;
}

export const READ_LEVELS = `
  SELECT coalesce(b.posted_nanos, 0) AS posted_nanos, coalesce(b.held_nanos, 0) AS held_nanos,
      coalesce(b.carried_in_nanos, 0) + (
        SELECT coalesce(sum(g.amount_nanos), 0)::bigint FROM budget_grants AS g
          WHERE g.budget_id = k.budget_id AND g.starts_at <= t.decided AND g.ends_at > t.decided
      ) AS extra_nanos
    FROM unnest($1::text[], $2::integer[], $3::bigint[])
      WITH ORDINALITY AS k(budget_id, generation, start_ms, place)
    CROSS JOIN (SELECT coalesce(to_timestamp($4::double precision / 1000), clock_timestamp())
      AS decided) AS t
    LEFT JOIN budget_periods AS b ON b.budget_id = k.budget_id AND b.generation = k.generation
      AND b.period_start_ms = k.start_ms
    ORDER BY k.place`;

export interface SpendRow {
  readonly debits: string;
  readonly nanos: string;
  readonly input: string;
  readonly cached_input: string;
  readonly output: string;
  readonly reasoning: string;
}

const OWNER_CONDITIONS = {
  root: '',
  customer: 'AND customer_id = $3',
  team: 'AND team_id = $3',
  virtual_key: 'AND virtual_key_id = $3',
} as const;

/** Without an interval the bounds are null, and every partition is read. */
export const sumSpendSql = (owner: SpendQuery['owner']['kind']): string => `
  SELECT count(*) FILTER (WHERE kind IN ('debit', 'late')) AS debits, coalesce(sum(amount_nanos), 0) AS nanos,
      coalesce(sum(input_tokens), 0) AS input,
      coalesce(sum(cached_input_tokens), 0) AS cached_input,
      coalesce(sum(output_tokens), 0) AS output,
      coalesce(sum(reasoning_tokens), 0) AS reasoning
    FROM ledger_entries
    WHERE recorded_at >= coalesce(to_timestamp($1::double precision / 1000), '-infinity')
      AND recorded_at < coalesce(to_timestamp($2::double precision / 1000), 'infinity')
      ${OWNER_CONDITIONS[owner]}`;

export const DUE_HOLDS = `
  SELECT scope, id AS "reservationId" FROM reservations
    WHERE state = 'held'
      AND expires_at <= coalesce(to_timestamp($1::double precision / 1000), clock_timestamp())
    ORDER BY expires_at LIMIT $2`;

/**
 * One statement, so one snapshot. What entries of dropped partitions had posted is in the period's own
 * archive columns.
 */
export const AUDIT = `
  WITH posted AS (
    SELECT p.budget_id, p.generation, p.start_ms, sum(p.nanos) AS nanos, count(*) AS entries
      FROM ledger_entries AS e,
      LATERAL unnest(e.budget_ids, e.generations, e.period_starts_ms, e.posted_nanos)
        AS p(budget_id, generation, start_ms, nanos)
      GROUP BY p.budget_id, p.generation, p.start_ms),
  held AS (
    SELECT p.budget_id, p.generation, p.start_ms, sum(r.amount_nanos) AS nanos
      FROM reservations AS r,
      LATERAL unnest(r.budget_ids, r.generations, r.period_starts_ms)
        AS p(budget_id, generation, start_ms)
      WHERE r.state = 'held' GROUP BY p.budget_id, p.generation, p.start_ms),
  compared AS (
    SELECT coalesce(b.budget_id, p.budget_id, h.budget_id) AS budget_id,
        coalesce(b.generation, p.generation, h.generation) AS generation,
        coalesce(b.period_start_ms, p.start_ms, h.start_ms) AS start_ms,
        coalesce(b.posted_nanos - b.archived_nanos, 0) AS posted, coalesce(p.nanos, 0) AS entries_sum,
        coalesce(b.entries - b.archived_entries, 0) AS counted, coalesce(p.entries, 0) AS entries,
        coalesce(b.held_nanos, 0) AS held, coalesce(h.nanos, 0) AS holds_sum
      FROM budget_periods AS b
      FULL JOIN posted AS p ON p.budget_id = b.budget_id AND p.generation = b.generation
        AND p.start_ms = b.period_start_ms
      FULL JOIN held AS h ON h.budget_id = b.budget_id AND h.generation = b.generation
        AND h.start_ms = b.period_start_ms)
  SELECT format('%s generation %s, period from %s: posted %s, its entries say %s; %s entries counted, '
      'the ledger has %s; held %s, its holds say %s', budget_id, generation,
      to_timestamp(start_ms / 1000.0) AT TIME ZONE 'UTC', posted, entries_sum, counted, entries, held,
      holds_sum) AS description
    FROM compared
    WHERE posted <> entries_sum OR counted <> entries OR held <> holds_sum
    ORDER BY budget_id, generation, start_ms`;
