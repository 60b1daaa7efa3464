import { CARRY_NEIGHBOURS_STEP, CARRY_OF_RESERVATIONS, LOCK_CARRYING } from './0003-carry-over.js';
import { KIND } from './0003-decide-codes.js';

/** Step 2 of `weir_decide_group`: the reservations that items refer to, and which item means which. */
const FIND_RESERVATIONS = `
  -- 2. Which reservations are meant; their periods never change, so no lock is needed to read them.
  IF '' <> ANY (ref_keys) OR '' <> ANY (ref_ids) THEN
    SELECT array_agg(f.item::integer), array_agg(f.id), array_agg(f.is_same)
      INTO found_items, found_ids, found_same
      FROM (
        SELECT i.item, t.id, t.body_hash = decode(i.hash, 'hex') AS is_same
          FROM unnest(ref_keys, scopes, hashes) WITH ORDINALITY AS i(ref, scope, hash, item)
          JOIN reservations AS t ON t.scope = i.scope AND t.reservation_key = i.ref WHERE i.ref <> ''
        UNION ALL
        SELECT i.item, t.id, t.body_hash = decode(i.hash, 'hex')
          FROM unnest(ref_ids, scopes, hashes) WITH ORDINALITY AS i(ref, scope, hash, item)
          JOIN reservations AS t ON t.id = i.ref AND t.scope = i.scope WHERE i.ref <> '') AS f;
    IF found_items IS NOT NULL THEN
      SELECT array_agg(f.place::integer ORDER BY f.nth),
          array_agg(f.id ORDER BY f.place) FILTER (WHERE f.copy = 1)
        INTO found_places, r_id
        FROM (SELECT i.id, i.nth, dense_rank() OVER (ORDER BY i.id COLLATE "C") AS place,
                  row_number() OVER (PARTITION BY i.id COLLATE "C") AS copy
                FROM unnest(found_ids) WITH ORDINALITY AS i(id, nth)) AS f;
      reservation_of := array_fill(0, ARRAY[n]);
      same_body := array_fill(true, ARRAY[n]);
      FOR x IN 1..cardinality(found_items) LOOP
        reservation_of[found_items[x]] := found_places[x];
        same_body[found_items[x]] := found_same[x];
      END LOOP;
      own_budgets := array_fill(NULL::text, ARRAY[n]);
      own_generations := own_budgets; own_starts := own_budgets; own_amounts := own_budgets;
      own_charged := array_fill(0::bigint, ARRAY[n]);
      own_overage := own_charged;
    END IF;
  END IF;
`;

/** Where reservations hold money, too, or neighbours are concerned: all of it in one order again. */
const RANK_PERIODS = `
  IF r_id IS NOT NULL OR carries THEN
    WITH theirs AS (
      SELECT row_number() OVER (ORDER BY t.id COLLATE "C", h.place) AS nth, h.*
        FROM unnest(r_id) AS i(id) JOIN reservations AS t ON t.id = i.id,
        LATERAL unnest(t.budget_ids, t.generations, t.period_starts_ms)
          WITH ORDINALITY AS h(budget_id, generation, start_ms, place)),
    named AS (
      SELECT true AS is_ours, m.nth, m.budget_id, m.generation, m.start_ms
        FROM unnest(period_budgets, period_generations, period_starts)
          WITH ORDINALITY AS m(budget_id, generation, start_ms, nth)
      UNION ALL
      SELECT false, h.nth, h.budget_id, h.generation, h.start_ms FROM theirs AS h
      UNION ALL
      SELECT NULL, 0, w.budget_id, w.generation, w.start_ms
        FROM unnest(n_budget, n_generation, n_start) AS w(budget_id, generation, start_ms)),
    ranked AS (
      SELECT m.*,
          dense_rank() OVER (ORDER BY m.budget_id COLLATE "C", m.generation, m.start_ms) AS place,
          dense_rank() OVER (ORDER BY m.budget_id COLLATE "C") AS number,
          row_number() OVER (PARTITION BY m.budget_id COLLATE "C", m.generation, m.start_ms) AS copy
        FROM named AS m)
    SELECT array_agg(t.place::integer ORDER BY t.nth) FILTER (WHERE t.is_ours),
        array_agg(t.place::integer ORDER BY t.nth) FILTER (WHERE NOT t.is_ours),
        array_agg(t.budget_id ORDER BY t.place) FILTER (WHERE t.copy = 1),
        array_agg(t.generation ORDER BY t.place) FILTER (WHERE t.copy = 1),
        array_agg(t.start_ms ORDER BY t.place) FILTER (WHERE t.copy = 1),
        array_agg(t.number::integer ORDER BY t.place) FILTER (WHERE t.copy = 1)
      INTO found_places, r_place, b_budget, b_generation, b_start, b_number FROM ranked AS t;
    place_of := ARRAY(SELECT found_places[w.period]
      FROM unnest(view_periods) WITH ORDINALITY AS w(period, nth) ORDER BY w.nth);
  ELSE
    place_of := view_periods;
    b_budget := period_budgets; b_generation := period_generations; b_start := period_starts;
    b_number := period_numbers;
  END IF;
`;

/** Steps 1 to 4 of `weir_decide_group`: take every lock in the common order, and read what it guards. */
export const LOCK_STEPS = `
  -- 1. Idempotency keys. Whoever inserted a key first has it; a group in between is waited for.
  IF debit_count > 0 THEN
    WITH inserted AS (
      INSERT INTO debit_keys AS k (scope, idempotency_key, body_hash, entry_id, recorded_at)
      SELECT i.scope, i.key, decode(i.hash, 'hex'), i.id, decided
        FROM unnest(kinds, scopes, keys, hashes, ids) AS i(kind, scope, key, hash, id)
        WHERE i.kind = ${KIND.debit}
        ORDER BY i.scope COLLATE "C", i.key COLLATE "C"
      ON CONFLICT DO NOTHING RETURNING k.entry_id)
    SELECT coalesce(array_agg(t.entry_id), '{}') INTO fresh FROM inserted AS t;
    IF cardinality(fresh) < debit_count THEN
      SELECT array_agg(i.kind = ${KIND.debit} AND i.id <> ALL (fresh) ORDER BY i.item) INTO is_used
        FROM unnest(kinds, ids) WITH ORDINALITY AS i(kind, id, item);
    END IF;
  END IF;
${FIND_RESERVATIONS}
  -- 3. All periods in key order, each with a row, and where in that order each of ours and theirs is.
  IF cardinality(period_budgets) > 0 THEN
    SELECT count(b.budget_id), coalesce(bool_or(c.carry_max_nanos IS NOT NULL), false)
      INTO found_count, carries
      FROM unnest(period_budgets, period_generations, period_starts)
        AS m(budget_id, generation, start_ms)
      LEFT JOIN budget_periods AS b ON b.budget_id = m.budget_id AND b.generation = m.generation
        AND b.period_start_ms = m.start_ms
      LEFT JOIN budgets AS c ON c.id = m.budget_id;
    IF found_count < cardinality(period_budgets) THEN
      WITH inserted AS (
        INSERT INTO budget_periods AS b (budget_id, generation, period_start_ms, period_end_ms)
        SELECT m.budget_id, m.generation, m.start_ms, m.end_ms
          FROM unnest(period_budgets, period_generations, period_starts, period_ends)
            AS m(budget_id, generation, start_ms, end_ms)
          ORDER BY m.budget_id COLLATE "C", m.generation, m.start_ms
          ON CONFLICT DO NOTHING RETURNING b.budget_id, b.generation, b.period_start_ms)
      SELECT array_agg(concat_ws(' ', i.generation, i.period_start_ms, i.budget_id))
        INTO fresh_names FROM inserted AS i;
    END IF;
  END IF;
${CARRY_OF_RESERVATIONS}${LOCK_CARRYING}${CARRY_NEIGHBOURS_STEP}${RANK_PERIODS}
  SELECT coalesce(array_agg(t.posted_nanos ORDER BY t.place), '{}'),
      coalesce(array_agg(t.held_nanos ORDER BY t.place), '{}'),
      coalesce(array_agg(t.extra ORDER BY t.place), '{}'),
      coalesce(array_agg(t.entries ORDER BY t.place), '{}'),
      coalesce(array_agg(t.crossed_percent ORDER BY t.place), '{}'),
      coalesce(array_agg(t.period_end_ms ORDER BY t.place), '{}'),
      coalesce(array_agg(t.carried_in_nanos ORDER BY t.place), '{}')
    INTO b_posted, b_held, b_extra, b_entries, b_crossed, b_end, b_carried
    FROM (
      SELECT m.place, b.posted_nanos, b.held_nanos, b.entries, b.crossed_percent, b.period_end_ms,
          b.carried_in_nanos,
          b.carried_in_nanos + (
            SELECT coalesce(sum(g.amount_nanos), 0)::bigint FROM budget_grants AS g
              WHERE g.budget_id = b.budget_id AND g.starts_at <= decided AND g.ends_at > decided
          ) AS extra
        FROM unnest(b_budget, b_generation, b_start)
          WITH ORDINALITY AS m(budget_id, generation, start_ms, place)
        JOIN budget_periods AS b ON b.budget_id = m.budget_id AND b.generation = m.generation
          AND b.period_start_ms = m.start_ms
        ORDER BY m.budget_id COLLATE "C", m.generation, m.start_ms
        FOR UPDATE OF b) AS t;

  -- 4. The reservations, locked, as they are now that their periods are locked.
  IF r_id IS NOT NULL THEN
    SELECT array_agg(t.id ORDER BY t.id COLLATE "C"), array_agg(t.state ORDER BY t.id COLLATE "C"),
        array_agg(t.amount_nanos ORDER BY t.id COLLATE "C"),
        array_agg(t.expires_at ORDER BY t.id COLLATE "C"),
        array_agg(t.charged_nanos ORDER BY t.id COLLATE "C"),
        array_agg(t.entry_id ORDER BY t.id COLLATE "C"),
        array_agg(t.floor_nanos ORDER BY t.id COLLATE "C"),
        array_agg(t.on_expiry ORDER BY t.id COLLATE "C"),
        array_agg((t.upto - t.width + 1)::integer ORDER BY t.id COLLATE "C"),
        array_agg(t.upto::integer ORDER BY t.id COLLATE "C"),
        array_agg(false ORDER BY t.id COLLATE "C")
      INTO found_ids, r_state, r_amount, r_expires, r_charged, r_entry, r_floor, r_policy, r_first, r_last,
        r_changed
      FROM (
        SELECT l.*, cardinality(l.budget_ids) AS width,
            sum(cardinality(l.budget_ids)) OVER (ORDER BY l.id COLLATE "C") AS upto
          FROM (
            SELECT s.* FROM unnest(r_id) AS i(id) JOIN reservations AS s ON s.id = i.id
              ORDER BY i.id COLLATE "C" FOR UPDATE OF s) AS l) AS t;

    IF found_ids IS DISTINCT FROM r_id THEN
      RAISE EXCEPTION 'a reservation was forgotten meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
`;
