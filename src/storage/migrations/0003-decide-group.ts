import { CARRY_DECLARATIONS, CARRY_IN } from './0003-carry-over.js';
import { DECIDE_STEP } from './0003-decide-items.js';
import { LOCK_STEPS } from './0003-decide-locks.js';
import { WRITE_STEPS } from './0003-decide-writes.js';

/**
 * The kernel of the ledger (ADR 0020): decides a group of items in their order, in one call.
 *
 * Items are described by parallel arrays; what does not apply to a kind is empty or 0. Kinds: 1 hold,
 * 2 debit (settles a reservation if it refers to one), 3 release, 4 extend, 5 expire, 6 force release.
 * Each item has a range of postings. A posting names a view, which is a period and what is known of the
 * limit on it; periods come once each, sorted by key, and numbered by their budgets. Counting begins at 1.
 * The caller sees to it that no two items of a group have the same key, and that what refers to a
 * reservation is not in the group that makes it.
 *
 * Everybody locks in the same order, so that groups wait for each other but never in a circle:
 * idempotency keys, then periods, then reservations, each sorted. All of the deciding happens in arrays
 * between the last lock and the first write. Answers are one row of a few kilobytes: it fits into a
 * socket's buffer, so that a client which stops reading keeps no transaction open.
 *
 * Lookups go through indexes whatever the statistics say: plans are made when tables are empty. Each
 * expression and statement that is reached costs some microseconds per call whatever the group's size, so
 * what few groups need is behind a condition, and arrays that few items need stay NULL until then.
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
  first_postings integer[], last_postings integer[], posting_views integer[],
  view_periods integer[], limits bigint[], enforced boolean[], thresholds text[],
  period_budgets text[], period_generations integer[], period_starts bigint[], period_ends bigint[],
  period_numbers integer[]
) RETURNS TABLE (
  decided_ms bigint, codes text, posted text, held text, places text, extra text, refused text,
  overages text, crossed json, debit_facts json, reservation_facts json, frees_at json
) LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
  n integer := cardinality(kinds);
  decided timestamptz :=
    coalesce(to_timestamp(at_ms / 1000.0), date_trunc('milliseconds', clock_timestamp()));
  answers smallint[] := array_fill(0::smallint, ARRAY[n]);

  -- Periods, sorted by key: those of the items and those of the reservations they refer to.
  b_budget text[]; b_generation integer[]; b_start bigint[]; b_end bigint[]; b_number integer[];
  b_posted bigint[]; b_held bigint[]; b_extra bigint[]; b_entries bigint[]; b_crossed integer[];
  b_carried bigint[];
  -- For each view: its period among these, and what must be posted to cross the next threshold.
  place_of integer[]; next_nanos bigint[];

  -- Reservations that items refer to, sorted by id, and where each holds money; NULL if there are none.
  r_id text[]; r_state text[]; r_amount bigint[]; r_expires timestamptz[]; r_charged bigint[];
  r_entry text[]; r_floor bigint[]; r_policy text[]; r_changed boolean[];
  r_first integer[]; r_last integer[]; r_place integer[];
  reservation_of integer[]; same_body boolean[];
  found_ids text[]; found_items integer[]; found_same boolean[]; found_places integer[];
  found_count integer;

  debit_count integer := cardinality(array_positions(kinds, 2::smallint));
  fresh text[]; is_used boolean[]; wanted boolean[];
  answer_posted bigint[] := array_fill(0::bigint, ARRAY[cardinality(posting_views)]);
  answer_held bigint[] := answer_posted;
  refusals integer[];

  -- Of items that concern a reservation: what is posted elsewhere than asked, charged, taken beyond it.
  own_budgets text[]; own_generations text[]; own_starts text[]; own_amounts text[];
  own_charged bigint[]; own_overage bigint[];
  e_budgets text[]; e_generations integer[]; e_starts bigint[]; e_amounts bigint[];

  -- Thresholds that were crossed: by which item, in which period, at what.
  x_item integer[]; x_place integer[]; x_percent integer[]; x_posted bigint[]; x_limit bigint[];
  percent integer; bound numeric;

  kind smallint; r integer; v integer; p integer; q integer; found_at integer;
  amount bigint; charge bigint; room bigint; fits boolean; is_late boolean; is_moved boolean;
${CARRY_DECLARATIONS}BEGIN
${LOCK_STEPS}${CARRY_IN}${DECIDE_STEP}${WRITE_STEPS}END $$`;
