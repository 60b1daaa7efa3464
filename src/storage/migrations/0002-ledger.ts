import type { MigrationInterface, QueryRunner } from 'typeorm';
import { DROP_RETENTION, RETENTION } from './0002-retention.js';

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
    for (const statement of [PERIODS, ENTRIES, ENTRY_INDEXES, KEYS, PARTITIONS, RETENTION])
      await runner.query(statement);
    await runner.query('SELECT weir_make_ledger_partitions(3)');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DROP_RETENTION) await runner.query(statement);
    await runner.query('DROP FUNCTION weir_make_ledger_partitions');
    await runner.query('DROP TABLE debit_keys, ledger_entries, budget_periods');
  }
}

/**
 * Half of each page is left free, so that a balance is updated in its page, without touching the index.
 * `carried_in_nanos` is fixed when the row is made. `archived_nanos` is what entries of dropped
 * partitions had posted, so that balances stay provable: posted = archived + sum of entries.
 */
const PERIODS = `
CREATE TABLE budget_periods (
  budget_id text COLLATE "C" NOT NULL,
  generation integer NOT NULL,
  period_start_ms bigint NOT NULL,
  period_end_ms bigint NOT NULL,
  posted_nanos bigint NOT NULL DEFAULT 0,
  held_nanos bigint NOT NULL DEFAULT 0,
  entries bigint NOT NULL DEFAULT 0,
  carried_in_nanos bigint NOT NULL DEFAULT 0,
  archived_nanos bigint NOT NULL DEFAULT 0,
  archived_entries bigint NOT NULL DEFAULT 0,
  crossed_percent integer NOT NULL DEFAULT 0,
  PRIMARY KEY (budget_id, generation, period_start_ms)
) WITH (fillfactor = 50)`;

/**
 * The four arrays are parallel: one element for each period that the entry was posted to. `amount_nanos`
 * is what the entry adds to its owner's spend. Of a late settle that is what the expiry had not charged
 * already; the call's own amount is the sum of the two.
 */
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
  reservation_id text NOT NULL DEFAULT '',
  charged_before_nanos bigint NOT NULL DEFAULT 0,
  overage_nanos bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (recorded_at, id)
) PARTITION BY RANGE (recorded_at);
CREATE TABLE ledger_entries_default PARTITION OF ledger_entries DEFAULT`;

const ENTRY_INDEXES = `
CREATE INDEX ledger_entries_virtual_key ON ledger_entries (virtual_key_id, recorded_at)
  WHERE virtual_key_id <> '';
CREATE INDEX ledger_entries_team ON ledger_entries (team_id, recorded_at) WHERE team_id <> '';
CREATE INDEX ledger_entries_customer ON ledger_entries (customer_id, recorded_at)
  WHERE customer_id <> ''`;

/** Old ones are found by a BRIN index, which costs a debit nothing. */
const KEYS = `
CREATE TABLE debit_keys (
  scope text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C" NOT NULL,
  body_hash bytea NOT NULL,
  entry_id text NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (scope, idempotency_key)
);
CREATE INDEX debit_keys_recorded_at ON debit_keys USING brin (recorded_at)`;

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
