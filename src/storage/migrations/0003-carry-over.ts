/**
 * What periods hand on (ADR 0020). `carried_in_nanos` is fixed when a period's row is made; whatever
 * changes the period before it afterwards adds an entry of kind `carry` that corrects it, in the same
 * transaction. Budgets that carry nothing over pay for one look-up.
 *
 * For this the periods around those that are asked for are locked with them, in the same order: the one
 * before, and all that come after. What appears between looking and locking makes the group begin again.
 */
const CARRIED_OVER = `
CREATE FUNCTION weir_carried_over(
  ending numeric, empty_periods numeric, amount numeric, fewest numeric, most numeric, overage boolean
) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  carried numeric := least(most, greatest(fewest, ending))
    + CASE WHEN overage THEN least(ending, 0) ELSE 0 END;
  rest numeric := empty_periods;
  steps numeric;
BEGIN
  -- A debt shrinks by the amount of each period in which nothing was spent.
  IF rest > 0 AND amount + carried < 0 THEN
    IF amount + fewest > 0 THEN
      steps := least(rest, ceil(-(amount + carried) / (amount + fewest)));
      carried := carried + steps * (amount + fewest);
    ELSE
      steps := rest;
    END IF;
    rest := rest - steps;
  END IF;
  IF rest > 0 THEN
    carried := least(most, greatest(fewest + (rest - 1) * amount, carried + rest * amount));
  END IF;
  RETURN greatest(carried, -9223372036854775807);
END $$`;

/** How long a period is, in the mean: enough to count those that fit between two others. */
const PERIOD_LENGTH = `
CREATE FUNCTION weir_period_length_ms(period jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE period ->> 'kind' WHEN 'duration' THEN (period ->> 'durationMs')::numeric
    ELSE CASE period ->> 'unit' WHEN 'day' THEN 86400000 WHEN 'week' THEN 604800000
      WHEN 'month' THEN 2629746000 WHEN 'quarter' THEN 7889238000 WHEN 'year' THEN 31556952000
      END END
$$`;

/** Of budgets that carry over: the periods from the one before the first that is named. */
const CARRY_NEIGHBOURS = `
CREATE FUNCTION weir_carry_neighbours(budgets text[], generations integer[], starts bigint[])
RETURNS TABLE (budget_id text, generation integer, start_ms bigint) LANGUAGE sql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
  SELECT b.budget_id, b.generation, b.period_start_ms
    FROM (SELECT m.budget_id, m.generation, min(m.start_ms) AS start_ms
            FROM unnest(budgets, generations, starts) AS m(budget_id, generation, start_ms)
            GROUP BY m.budget_id, m.generation) AS f
    JOIN budgets AS c ON c.id = f.budget_id AND c.carry_max_nanos IS NOT NULL
    JOIN budget_periods AS b ON b.budget_id = f.budget_id AND b.generation = f.generation
      AND b.period_start_ms >= coalesce((
        SELECT max(p.period_start_ms) FROM budget_periods AS p
          WHERE p.budget_id = f.budget_id AND p.generation = f.generation
            AND p.period_start_ms < f.start_ms), f.start_ms)
    ORDER BY b.budget_id COLLATE "C", b.generation, b.period_start_ms
$$`;

export const CARRY_OVER: readonly string[] = [CARRIED_OVER, PERIOD_LENGTH, CARRY_NEIGHBOURS];

export const DROP_CARRY_OVER: readonly string[] = [
  'DROP FUNCTION weir_carry_neighbours',
  'DROP FUNCTION weir_period_length_ms',
  'DROP FUNCTION weir_carried_over',
];

/** What the steps below keep while a group is decided. */
export const CARRY_DECLARATIONS = `
  -- Of budgets that carry over, for each period: its rule, how it was, and what it has handed on.
  carries boolean := false;
  n_budget text[]; n_generation integer[]; n_start bigint[];
  again_budget text[]; again_generation integer[]; again_start bigint[];
  fresh_names text[];
  b_fresh boolean[];
  c_amount bigint[]; c_fewest bigint[]; c_most bigint[]; c_overage boolean[]; c_length numeric[];
  c_granted numeric[]; c_handed numeric[];
  y_id text[]; y_budget text[]; y_generation integer[]; y_start bigint[]; y_nanos bigint[];
  ending numeric; handed numeric;
`;

/** Within step 3: whether a budget in which a reservation holds money carries over. */
export const CARRY_OF_RESERVATIONS = `  IF NOT carries AND r_id IS NOT NULL THEN
    carries := EXISTS (SELECT FROM unnest(r_id) AS i(id) JOIN reservations AS t ON t.id = i.id,
      LATERAL unnest(t.budget_ids) AS h(id)
      JOIN budgets AS c ON c.id = h.id WHERE c.carry_max_nanos IS NOT NULL);
  END IF;
`;

/** Two who make neighbouring rows at once see each other's. */
export const LOCK_CARRYING = `  IF carries AND fresh_names IS NOT NULL THEN
    PERFORM FROM budgets AS c WHERE c.id = ANY (period_budgets) AND c.carry_max_nanos IS NOT NULL
      ORDER BY c.id FOR NO KEY UPDATE;
  END IF;
`;

/** The rows around those that are named, so that they are locked with them. */
export const CARRY_NEIGHBOURS_STEP = `  IF carries THEN
    SELECT array_agg(h.budget_id), array_agg(h.generation), array_agg(h.start_ms)
      INTO n_budget, n_generation, n_start
      FROM unnest(r_id) AS i(id) JOIN reservations AS t ON t.id = i.id,
      LATERAL unnest(t.budget_ids, t.generations, t.period_starts_ms)
        AS h(budget_id, generation, start_ms);
    SELECT array_agg(w.budget_id ORDER BY w.nth), array_agg(w.generation ORDER BY w.nth),
        array_agg(w.start_ms ORDER BY w.nth)
      INTO n_budget, n_generation, n_start
      FROM weir_carry_neighbours(period_budgets || n_budget, period_generations || n_generation,
        period_starts || n_start) WITH ORDINALITY AS w(budget_id, generation, start_ms, nth);
  END IF;
`;

/** After the locks: rows that are new get what the period before them hands on. */
export const CARRY_IN = `  IF carries THEN
    SELECT coalesce(array_agg(w.budget_id ORDER BY w.nth), '{}'),
        coalesce(array_agg(w.generation ORDER BY w.nth), '{}'),
        coalesce(array_agg(w.start_ms ORDER BY w.nth), '{}')
      INTO again_budget, again_generation, again_start
      FROM weir_carry_neighbours(b_budget, b_generation, b_start)
        WITH ORDINALITY AS w(budget_id, generation, start_ms, nth);
    SELECT array_agg(concat_ws(' ', m.generation, m.start_ms, m.budget_id) = ANY (coalesce(fresh_names, '{}'))
          ORDER BY m.place),
        array_agg(c.amount_nanos ORDER BY m.place), array_agg(c.carry_min_nanos ORDER BY m.place),
        array_agg(c.carry_max_nanos ORDER BY m.place), array_agg(c.carry_overage ORDER BY m.place),
        array_agg(weir_period_length_ms(c.period) ORDER BY m.place),
        array_agg((SELECT coalesce(sum(g.amount_nanos), 0) FROM budget_grants AS g
          WHERE g.budget_id = m.budget_id AND g.starts_at < to_timestamp(m.end_ms / 1000.0)
            AND g.ends_at > to_timestamp(m.start_ms / 1000.0)) ORDER BY m.place),
        array_agg(NULL::numeric ORDER BY m.place)
      INTO b_fresh, c_amount, c_fewest, c_most, c_overage, c_length, c_granted, c_handed
      FROM unnest(b_budget, b_generation, b_start, b_end) WITH ORDINALITY
        AS m(budget_id, generation, start_ms, end_ms, place)
      LEFT JOIN budgets AS c ON c.id = m.budget_id AND c.carry_max_nanos IS NOT NULL;
    IF EXISTS (SELECT FROM unnest(again_budget, again_generation, again_start)
          AS w(budget_id, generation, start_ms)
        WHERE NOT EXISTS (SELECT FROM unnest(b_budget, b_generation, b_start)
            AS m(budget_id, generation, start_ms)
          WHERE m.budget_id = w.budget_id AND m.generation = w.generation
            AND m.start_ms = w.start_ms)
          AND w.start_ms > (SELECT min(m.start_ms) FROM unnest(b_budget, b_generation, b_start)
              AS m(budget_id, generation, start_ms)
            WHERE m.budget_id = w.budget_id AND m.generation = w.generation)) THEN
      RAISE EXCEPTION 'a period was begun meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    FOR x IN 2..cardinality(b_budget) LOOP
      CONTINUE WHEN b_number[x - 1] <> b_number[x] OR b_generation[x - 1] <> b_generation[x]
        OR c_most[x] IS NULL;
      ending := c_amount[x]::numeric + b_carried[x - 1] - b_posted[x - 1] - b_held[x - 1];
      IF ending < 0 THEN ending := least(0, ending + c_granted[x - 1]); END IF;
      handed := weir_carried_over(ending, round((b_start[x] - b_end[x - 1]) / c_length[x]),
        c_amount[x], c_fewest[x], c_most[x], c_overage[x]);
      IF b_fresh[x] THEN
        b_carried[x] := handed;
        b_extra[x] := b_extra[x] + b_carried[x];
      ELSIF b_fresh[x - 1] AND (x = 2 OR b_number[x - 2] <> b_number[x]
        OR b_generation[x - 2] <> b_generation[x]) THEN
        handed := 0;
      END IF;
      c_handed[x] := handed;
    END LOOP;
  END IF;
`;

/** Before balances are written: what periods hand on now, where that has changed. */
export const CORRECT_CARRIED = `  IF carries THEN
    FOR x IN 2..cardinality(b_budget) LOOP
      CONTINUE WHEN c_handed[x] IS NULL;
      ending := c_amount[x]::numeric + b_carried[x - 1] - b_posted[x - 1] - b_held[x - 1];
      IF ending < 0 THEN ending := least(0, ending + c_granted[x - 1]); END IF;
      handed := weir_carried_over(ending, round((b_start[x] - b_end[x - 1]) / c_length[x]),
        c_amount[x], c_fewest[x], c_most[x], c_overage[x]) - c_handed[x];
      CONTINUE WHEN handed = 0;
      b_posted[x] := b_posted[x] - handed;
      b_entries[x] := b_entries[x] + 1;
      y_id := y_id || ('carry_' || replace(gen_random_uuid()::text, '-', ''));
      y_budget := y_budget || b_budget[x]; y_generation := y_generation || b_generation[x];
      y_start := y_start || b_start[x]; y_nanos := y_nanos || (-handed)::bigint;
    END LOOP;
    IF y_id IS NOT NULL THEN
      INSERT INTO ledger_entries
        (recorded_at, id, kind, scope, idempotency_key, virtual_key_id, team_id, customer_id, provider,
         model, amount_nanos, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, price_id,
         price_revision, budget_ids, generations, period_starts_ms, posted_nanos)
      SELECT decided, y.id, 'carry', '', '', '', '', '', '', '', 0, 0, 0, 0, 0, '', 0,
          ARRAY[y.budget_id], ARRAY[y.generation], ARRAY[y.start_ms], ARRAY[y.nanos]
        FROM unnest(y_id, y_budget, y_generation, y_start, y_nanos)
          AS y(id, budget_id, generation, start_ms, nanos);
    END IF;
    UPDATE budget_periods AS b SET carried_in_nanos = u.carried
      FROM unnest(b_budget, b_generation, b_start, b_carried, b_fresh)
        AS u(budget_id, generation, start_ms, carried, is_fresh)
      WHERE u.is_fresh AND u.carried <> 0 AND b.budget_id = u.budget_id
        AND b.generation = u.generation AND b.period_start_ms = u.start_ms;
  END IF;

`;
