import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What has been spent (ADR 0003). Periods are keys and are kept for ever; ledger entries only ever come
 * in, and leave with their partition; idempotency keys have a table of their own, because a unique
 * constraint of a table that is partitioned by time must contain the time.
 *
 * Text that is part of a key is collated "C": its order is the order in which rows are locked, and
 * must not depend on the locale of a server.
 */
export class Ledger1763942400002 implements MigrationInterface {
  readonly name = 'Ledger1763942400002';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [
      PERIODS,
      ENTRIES,
      ENTRY_INDEXES,
      KEYS,
      PARTITIONS,
      USED_KEYS,
      POST_DEBITS,
    ])
      await runner.query(statement);
    await runner.query('SELECT weir_make_ledger_partitions(3)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION weir_post_debits');
    await runner.query('DROP FUNCTION weir_used_debit_keys');
    await runner.query('DROP FUNCTION weir_make_ledger_partitions');
    await runner.query('DROP TABLE debit_keys, ledger_entries, budget_periods');
  }
}

/** Half of each page is left free, so that a balance is updated in its page, without touching the index. */
const PERIODS = `
CREATE TABLE budget_periods (
  budget_id text COLLATE "C" NOT NULL,
  generation integer NOT NULL,
  period_start_ms bigint NOT NULL,
  period_end_ms bigint NOT NULL,
  posted_nanos bigint NOT NULL DEFAULT 0,
  held_nanos bigint NOT NULL DEFAULT 0,
  entries bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (budget_id, generation, period_start_ms)
) WITH (fillfactor = 50)`;

/** The four arrays are parallel: one element for each period that the entry was posted to. */
const ENTRIES = `
CREATE TABLE ledger_entries (
  recorded_at timestamptz NOT NULL,
  id text COLLATE "C" NOT NULL,
  kind text NOT NULL DEFAULT 'debit',
  scope text NOT NULL,
  idempotency_key text NOT NULL,
  virtual_key_id text NOT NULL,
  team_id text NOT NULL,
  customer_id text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  amount_nanos bigint NOT NULL,
  input_tokens bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  reasoning_tokens bigint NOT NULL,
  price_id text NOT NULL,
  price_revision integer NOT NULL,
  budget_ids text[] NOT NULL,
  generations integer[] NOT NULL,
  period_starts_ms bigint[] NOT NULL,
  posted_nanos bigint[] NOT NULL,
  PRIMARY KEY (recorded_at, id)
) PARTITION BY RANGE (recorded_at);
CREATE TABLE ledger_entries_default PARTITION OF ledger_entries DEFAULT`;

const ENTRY_INDEXES = `
CREATE INDEX ledger_entries_virtual_key ON ledger_entries (virtual_key_id, recorded_at)
  WHERE virtual_key_id <> '';
CREATE INDEX ledger_entries_team ON ledger_entries (team_id, recorded_at) WHERE team_id <> '';
CREATE INDEX ledger_entries_customer ON ledger_entries (customer_id, recorded_at)
  WHERE customer_id <> ''`;

const KEYS = `
CREATE TABLE debit_keys (
  scope text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C" NOT NULL,
  body_hash bytea NOT NULL,
  entry_id text NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (scope, idempotency_key)
);
CREATE INDEX debit_keys_recorded_at ON debit_keys (recorded_at)`;

/** One partition for each month (UTC), from this one to `ahead` months on. Two may call it at once. */
const PARTITIONS = `
CREATE FUNCTION weir_make_ledger_partitions(ahead integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  this_month date := date_trunc('month', now() AT TIME ZONE 'UTC');
  first_day date;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('weir_make_ledger_partitions'));
  FOR i IN 0..ahead LOOP
    first_day := this_month + make_interval(months => i);
    EXECUTE format(
      'CREATE TABLE IF NOT EXISTS %I PARTITION OF ledger_entries FOR VALUES FROM (%L) TO (%L)',
      'ledger_entries_' || to_char(first_day, 'YYYY_MM'),
      first_day::text || ' 00:00:00+00',
      (first_day + interval '1 month')::date::text || ' 00:00:00+00');
  END LOOP;
END $$`;

/**
 * What was recorded the first time, for those items of a group whose key is not fresh; 64-bit integers
 * as text. Here a nested loop over the index is right: only repetitions come this way.
 */
export const USED_KEYS = `
CREATE FUNCTION weir_used_debit_keys(
  scopes text[], keys text[], body_hashes text[], is_fresh boolean[]
) RETURNS TABLE (kind text, item integer, facts json)
LANGUAGE sql SET enable_nestloop = on AS $$
  SELECT CASE WHEN k.body_hash = decode(i.body_hash, 'hex') THEN 'replayed' ELSE 'conflict' END,
      i.item::integer,
      json_build_object('id', e.id, 'amountNanos', e.amount_nanos::text, 'priceId', e.price_id,
        'priceRevision', e.price_revision,
        'recordedAtMs', (extract(epoch FROM e.recorded_at) * 1000)::bigint,
        'postedTo', (
          SELECT coalesce(json_agg(json_build_object('budgetId', b.budget_id,
              'generation', b.generation, 'startMs', b.period_start_ms, 'endMs', b.period_end_ms,
              'postedNanos', b.posted_nanos::text, 'heldNanos', b.held_nanos::text) ORDER BY p.place), '[]')
            FROM unnest(e.budget_ids, e.generations, e.period_starts_ms)
              WITH ORDINALITY AS p(budget_id, generation, start_ms, place)
            JOIN budget_periods AS b ON b.budget_id = p.budget_id AND b.generation = p.generation
              AND b.period_start_ms = p.start_ms))
    FROM unnest(scopes, keys, body_hashes) WITH ORDINALITY AS i(scope, key, body_hash, item)
    JOIN debit_keys AS k ON k.scope = i.scope AND k.idempotency_key = i.key
    JOIN ledger_entries AS e ON e.recorded_at = k.recorded_at AND e.id = k.entry_id
    WHERE NOT is_fresh[i.item]
$$`;

/**
 * Posts a group of debits. Items are described by parallel arrays, their postings by pairs of (item,
 * period), both counted from 1; of two items with one key the first has it.
 *
 * Rows are touched in one order by everybody (keys, then periods, each sorted), so that groups which
 * overlap wait for each other and never in a circle. What is returned: a row `balance` for each
 * period that was posted to, `replayed` or `conflict` for each item whose key was used before, and
 * `recorded` with the time at which the others were posted.
 *
 * Joins of arrays are hashed: planned without their lengths, they would be nested loops.
 */
export const POST_DEBITS = `
CREATE FUNCTION weir_post_debits(
  ids text[], scopes text[], keys text[], body_hashes text[],
  virtual_keys text[], teams text[], customers text[], providers text[], models text[],
  amounts bigint[], inputs bigint[], cached_inputs bigint[], outputs bigint[], reasonings bigint[],
  prices text[], revisions integer[],
  posted_budgets text[], posted_generations text[], posted_starts text[], posted_amounts text[],
  period_budgets text[], period_generations integer[], period_starts bigint[], period_ends bigint[],
  posting_items integer[], posting_periods integer[]
) RETURNS TABLE (
  kind text, item integer, budget_id text, generation integer, period_start_ms bigint,
  posted_nanos bigint, held_nanos bigint, at_ms bigint, facts json
) LANGUAGE plpgsql SET enable_nestloop = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  recorded timestamptz := date_trunc('milliseconds', now());
  fresh text[];
  is_fresh boolean[];
  used record;
BEGIN
  WITH inserted AS (
    INSERT INTO debit_keys (scope, idempotency_key, body_hash, entry_id, recorded_at)
    SELECT i.scope, i.key, decode(i.body_hash, 'hex'), i.id, recorded
      FROM unnest(scopes, keys, body_hashes, ids) WITH ORDINALITY
        AS i(scope, key, body_hash, id, item)
      ORDER BY i.scope COLLATE "C", i.key COLLATE "C", i.item
      ON CONFLICT DO NOTHING RETURNING entry_id)
  SELECT coalesce(array_agg(entry_id), '{}') INTO fresh FROM inserted;

  IF cardinality(fresh) = cardinality(ids) THEN
    is_fresh := array_fill(true, ARRAY[cardinality(ids)]);
  ELSE
    SELECT array_agg(f.id IS NOT NULL ORDER BY i.item) INTO is_fresh
      FROM unnest(ids) WITH ORDINALITY AS i(id, item) LEFT JOIN unnest(fresh) AS f(id) ON f.id = i.id;
  END IF;

  RETURN QUERY
    INSERT INTO budget_periods AS b
      (budget_id, generation, period_start_ms, period_end_ms, posted_nanos, entries)
    SELECT p.budget_id, p.generation, p.start_ms, p.end_ms, s.nanos::bigint, s.entries
      FROM (SELECT o.period, sum(amounts[o.item]) AS nanos, count(*) AS entries
              FROM unnest(posting_items, posting_periods) AS o(item, period)
              WHERE is_fresh[o.item] GROUP BY o.period) AS s
      JOIN unnest(period_budgets, period_generations, period_starts, period_ends)
        WITH ORDINALITY AS p(budget_id, generation, start_ms, end_ms, period) ON p.period = s.period
      ORDER BY p.budget_id COLLATE "C", p.generation, p.start_ms
    ON CONFLICT (budget_id, generation, period_start_ms) DO UPDATE
      SET posted_nanos = b.posted_nanos + EXCLUDED.posted_nanos,
          entries = b.entries + EXCLUDED.entries
    RETURNING 'balance', 0, b.budget_id, b.generation, b.period_start_ms, b.posted_nanos,
      b.held_nanos, 0::bigint, NULL::json;

  INSERT INTO ledger_entries
    (recorded_at, id, scope, idempotency_key, virtual_key_id, team_id, customer_id, provider, model,
     amount_nanos, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, price_id,
     price_revision, budget_ids, generations, period_starts_ms, posted_nanos)
  SELECT recorded, i.id, i.scope, i.key, i.virtual_key, i.team, i.customer, i.provider, i.model,
      i.amount, i.input, i.cached_input, i.output, i.reasoning, i.price, i.revision,
      i.budgets::text[], i.generations::integer[], i.starts::bigint[], i.posted::bigint[]
    FROM unnest(ids, scopes, keys, virtual_keys, teams, customers, providers, models, amounts, inputs,
        cached_inputs, outputs, reasonings, prices, revisions, posted_budgets, posted_generations,
        posted_starts, posted_amounts)
      WITH ORDINALITY AS i(id, scope, key, virtual_key, team, customer, provider, model, amount, input,
        cached_input, output, reasoning, price, revision, budgets, generations, starts, posted, item)
    WHERE is_fresh[i.item];

  IF cardinality(fresh) < cardinality(ids) THEN
    RETURN QUERY SELECT u.kind, u.item, '', 0, 0::bigint, 0::bigint, 0::bigint, 0::bigint, u.facts
      FROM weir_used_debit_keys(scopes, keys, body_hashes, is_fresh) AS u;
  END IF;
  RETURN QUERY SELECT 'recorded', 0, '', 0, 0::bigint, 0::bigint, 0::bigint,
    (extract(epoch FROM recorded) * 1000)::bigint, NULL::json;
END $$`;
