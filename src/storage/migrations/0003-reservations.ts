import type { MigrationInterface, QueryRunner } from 'typeorm';
import { CARRY_OVER, DROP_CARRY_OVER } from './0003-carry-over.js';
import { DECIDE_GROUP } from './0003-decide-group.js';

/**
 * Money set aside (ADR 0020): reservations, grants, thresholds, and the one function that decides over
 * all of them in groups.
 */
export class Reservations1763942400003 implements MigrationInterface {
  readonly name = 'Reservations1763942400003';

  async up(runner: QueryRunner): Promise<void> {
    const tables = [RESERVATIONS, GRANTS, CROSSINGS];
    const functions = [FACTS_OF_DEBITS, FACTS_OF_RESERVATIONS, ...CARRY_OVER];
    for (const statement of [...tables, ...functions, DECIDE_GROUP]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

/**
 * The three arrays are parallel: the periods in which `amount_nanos` is held, for as long as it is. Old
 * ones are found by a BRIN index, which costs a settle nothing.
 */
const RESERVATIONS = `
CREATE TABLE reservations (
  id text COLLATE "C" PRIMARY KEY,
  scope text COLLATE "C" NOT NULL,
  reservation_key text COLLATE "C" NOT NULL,
  body_hash bytea NOT NULL,
  state text NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'committed', 'released', 'expired')),
  amount_nanos bigint NOT NULL,
  floor_nanos bigint NOT NULL,
  on_expiry text NOT NULL CHECK (on_expiry IN ('release', 'charge_floor', 'charge_estimate')),
  charged_nanos bigint NOT NULL DEFAULT 0,
  entry_id text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  virtual_key_id text NOT NULL,
  team_id text NOT NULL,
  customer_id text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  budget_ids text[] NOT NULL,
  generations integer[] NOT NULL,
  period_starts_ms bigint[] NOT NULL,
  takes text NOT NULL DEFAULT '',
  UNIQUE (scope, reservation_key)
) WITH (fillfactor = 70);
CREATE INDEX reservations_open ON reservations (expires_at) WHERE state = 'held';
CREATE INDEX reservations_created ON reservations USING brin (created_at)`;

/** A temporary increase is never changed; it ends by its time. */
const GRANTS = `
CREATE TABLE budget_grants (
  id text COLLATE "C" PRIMARY KEY,
  budget_id text COLLATE "C" NOT NULL,
  amount_nanos bigint NOT NULL CHECK (amount_nanos > 0),
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
  reason text NOT NULL,
  actor text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX budget_grants_budget ON budget_grants (budget_id, ends_at);
CREATE INDEX budget_grants_page ON budget_grants (budget_id, id)`;

/**
 * An outbox: written with the balance that crossed, read by whoever delivers. The entry is answered with its
 * crossings for as long as its key is remembered, so that no row may go before then.
 */
const CROSSINGS = `
CREATE TABLE threshold_crossings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  budget_id text COLLATE "C" NOT NULL,
  generation integer NOT NULL,
  period_start_ms bigint NOT NULL,
  percent integer NOT NULL,
  posted_nanos bigint NOT NULL,
  limit_nanos bigint NOT NULL,
  entry_id text COLLATE "C" NOT NULL,
  crossed_at timestamptz NOT NULL,
  delivered_at timestamptz,
  UNIQUE (budget_id, generation, period_start_ms, percent)
);
CREATE INDEX threshold_crossings_entry ON threshold_crossings (entry_id);
CREATE INDEX threshold_crossings_waiting ON threshold_crossings (id) WHERE delivered_at IS NULL`;

/** The facts of debits whose key was used before, for those items whose key names another entry. */
const FACTS_OF_DEBITS = `
CREATE FUNCTION weir_facts_of_debits(
  decided timestamptz, wanted boolean[], scopes text[], keys text[], hashes text[]
) RETURNS TABLE (item integer, is_same boolean, facts json) LANGUAGE sql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
  SELECT i.item::integer, k.body_hash = decode(i.hash, 'hex'),
      json_build_object('id', e.id, 'amountNanos', (e.amount_nanos + e.charged_before_nanos)::text,
        'priceId', e.price_id, 'priceRevision', e.price_revision,
        'recordedAtMs', (extract(epoch FROM e.recorded_at) * 1000)::bigint,
        'isLate', e.kind = 'late', 'overageNanos', e.overage_nanos::text,
        'crossed', (
          SELECT coalesce(json_agg(json_build_object('budgetId', x.budget_id, 'percent', x.percent)
              ORDER BY x.id), '[]')
            FROM threshold_crossings AS x WHERE x.entry_id = e.id),
        'postedTo', (
          SELECT coalesce(json_agg(json_build_object('budgetId', b.budget_id,
              'generation', b.generation, 'startMs', b.period_start_ms, 'endMs', b.period_end_ms,
              'postedNanos', b.posted_nanos::text, 'heldNanos', b.held_nanos::text,
              'extraNanos', (b.carried_in_nanos + (
                SELECT coalesce(sum(g.amount_nanos), 0) FROM budget_grants AS g
                  WHERE g.budget_id = b.budget_id AND g.starts_at <= decided
                    AND g.ends_at > decided))::text)
              ORDER BY p.place), '[]')
            FROM unnest(e.budget_ids, e.generations, e.period_starts_ms)
              WITH ORDINALITY AS p(budget_id, generation, start_ms, place)
            JOIN budget_periods AS b ON b.budget_id = p.budget_id AND b.generation = p.generation
              AND b.period_start_ms = p.start_ms))
    FROM unnest(wanted, scopes, keys, hashes) WITH ORDINALITY
      AS i(is_wanted, scope, key, hash, item)
    JOIN debit_keys AS k ON k.scope = i.scope AND k.idempotency_key = i.key
    JOIN ledger_entries AS e ON e.recorded_at = k.recorded_at AND e.id = k.entry_id
    WHERE i.is_wanted
$$`;

/**
 * Reservations as they are after the group was decided, and where they hold money. A settle
 * (kind 2) that was not refused (answer 11) needs its reservation only to correct what limits took.
 */
const FACTS_OF_RESERVATIONS = `
CREATE FUNCTION weir_facts_of_reservations(
  kinds smallint[], answers smallint[], reservation_of integer[], reservation_ids text[]
)
RETURNS TABLE (item integer, facts json) LANGUAGE sql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
  SELECT i.item::integer,
      json_build_object('id', r.id, 'scope', r.scope, 'key', r.reservation_key, 'state', r.state,
        'amountNanos', r.amount_nanos::text, 'chargedNanos', r.charged_nanos::text,
        'expiresAtMs', (extract(epoch FROM r.expires_at) * 1000)::bigint, 'takes', r.takes,
        'heldIn', (
          SELECT coalesce(json_agg(json_build_object('budgetId', b.budget_id,
              'generation', b.generation, 'startMs', b.period_start_ms, 'endMs', b.period_end_ms)
              ORDER BY p.place), '[]')
            FROM unnest(r.budget_ids, r.generations, r.period_starts_ms)
              WITH ORDINALITY AS p(budget_id, generation, start_ms, place)
            JOIN budget_periods AS b ON b.budget_id = p.budget_id AND b.generation = p.generation
              AND b.period_start_ms = p.start_ms))
    FROM unnest(kinds, answers, reservation_of) WITH ORDINALITY AS i(kind, answer, place, item)
    JOIN reservations AS r ON r.id = reservation_ids[i.place]
    WHERE i.place > 0 AND (i.kind <> 2 OR i.answer = 11 OR r.takes <> '')
$$`;

const DOWN = [
  'DROP FUNCTION weir_decide_group',
  ...DROP_CARRY_OVER,
  'DROP FUNCTION weir_facts_of_reservations',
  'DROP FUNCTION weir_facts_of_debits',
  'DROP TABLE threshold_crossings, budget_grants, reservations',
];
