import { CARRY_DECLARATIONS, CARRY_IN } from './0003-carry-over.js';
import { DECIDE_STEP } from './0003-decide-items.js';
import { LOCK_STEPS } from './0003-decide-locks.js';
import { WRITE_STEPS } from './0003-decide-writes.js';

/**
 * The kernel of the ledger (ADR 0020): decides a group of items in their order, in one call.
 *
 * Items are described by parallel arrays; what does not apply to a kind is empty or 0. Kinds: 1 hold,
 * 2 debit (settles a reservation if it refers to one), 3 release, 4 extend, 5 expire, 6 force release.
 * Each item has a range of postings, each of which names one of the periods; counting begins at 1.
 * The caller sees to it that no two items of a group have the same key, and that what refers to a
 * reservation is not in the group that makes it.
 *
 * Everybody locks in the same order, so that groups wait for each other but never in a circle:
 * idempotency keys, then periods, then reservations, each sorted. All of the deciding happens in arrays
 * between the last lock and the first write. Answers are one row of a few kilobytes: it fits into a
 * socket's buffer, so that a client which stops reading keeps no transaction open.
 *
 * Lookups go through indexes whatever the statistics say: plans are made when tables are empty.
 */
export const DECIDE_GROUP = `
CREATE FUNCTION weir_decide_group(
  at_ms bigint,
  kinds smallint[], ids text[], scopes text[], keys text[], hashes text[],
  ref_ids text[], ref_keys text[],
  amounts bigint[], ttls_ms bigint[], floors bigint[], policies text[], takes text[],
  virtual_keys text[], teams text[], customers text[], providers text[], models text[],
  inputs bigint[], cached_inputs bigint[], outputs bigint[], reasonings bigint[],
  prices text[], revisions integer[],
  posted_budgets text[], posted_generations text[], posted_starts text[], posted_amounts text[],
  first_postings integer[], last_postings integer[], posting_periods integer[],
  period_budgets text[], period_generations integer[], period_starts bigint[], period_ends bigint[],
  limits bigint[], enforced boolean[], thresholds text[]
) RETURNS TABLE (
  decided_ms bigint, codes text, posted text, held text, extra text, refused text, overages text,
  debit_facts json, reservation_facts json, frees_at json
) LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
  KIND_HOLD CONSTANT smallint := 1;
  KIND_DEBIT CONSTANT smallint := 2;
  KIND_RELEASE CONSTANT smallint := 3;
  KIND_EXTEND CONSTANT smallint := 4;
  KIND_EXPIRE CONSTANT smallint := 5;
  KIND_FORCE CONSTANT smallint := 6;
  IS_HELD CONSTANT smallint := 1;
  IS_DENIED CONSTANT smallint := 2;
  IS_POSTED_ONCE CONSTANT smallint := 3;
  IS_POSTED_LATE CONSTANT smallint := 4;
  IS_RELEASED CONSTANT smallint := 5;
  IS_EXTENDED CONSTANT smallint := 6;
  IS_EXPIRED CONSTANT smallint := 7;
  IS_REPLAYED CONSTANT smallint := 8;
  IS_CONFLICT CONSTANT smallint := 9;
  IS_UNKNOWN CONSTANT smallint := 10;
  IS_ENDED CONSTANT smallint := 11;

  n integer := cardinality(kinds);
  decided timestamptz :=
    coalesce(to_timestamp(at_ms / 1000.0), date_trunc('milliseconds', clock_timestamp()));
  answers smallint[] := array_fill(0::smallint, ARRAY[n]);

  -- Periods, sorted by key: those of the items and those of the reservations they refer to.
  b_budget text[]; b_generation integer[]; b_start bigint[]; b_number integer[];
  b_posted bigint[]; b_held bigint[]; b_extra bigint[]; b_entries bigint[]; b_crossed integer[];
  place_of integer[];

  -- Reservations that items refer to, sorted by id, and where each holds money.
  r_id text[]; r_state text[]; r_amount bigint[]; r_expires timestamptz[]; r_charged bigint[];
  r_entry text[]; r_floor bigint[]; r_policy text[]; r_changed boolean[];
  r_first integer[]; r_last integer[]; r_place integer[];
  reservation_of integer[] := array_fill(0, ARRAY[n]);
  same_body boolean[] := array_fill(true, ARRAY[n]);

  found_ids text[]; found_items integer[]; found_places integer[]; found_same boolean[];

  is_used boolean[] := array_fill(false, ARRAY[n]);
  fresh text[];
  debit_count integer;
  answer_posted bigint[] := array_fill(0::bigint, ARRAY[cardinality(posting_periods)]);
  answer_held bigint[] := array_fill(0::bigint, ARRAY[cardinality(posting_periods)]);
  refusals integer[] := '{}';
  own_budgets text[] := array_fill(NULL::text, ARRAY[n]);
  own_generations text[] := array_fill(NULL::text, ARRAY[n]);
  own_starts text[] := array_fill(NULL::text, ARRAY[n]);
  own_amounts text[] := array_fill(NULL::text, ARRAY[n]);
  own_charged bigint[] := array_fill(0::bigint, ARRAY[n]);
  own_overage bigint[] := array_fill(0::bigint, ARRAY[n]);
  own_expires timestamptz[] := array_fill(NULL::timestamptz, ARRAY[n]);
  e_budgets text[]; e_generations integer[]; e_starts bigint[]; e_amounts bigint[];

  wanted boolean[];
  kind smallint; r integer; p integer; q integer; found_at integer;
  amount bigint; charge bigint; room bigint; fits boolean; is_late boolean; is_moved boolean;
${CARRY_DECLARATIONS}BEGIN
${LOCK_STEPS}${CARRY_IN}${DECIDE_STEP}${WRITE_STEPS}END $$`;
