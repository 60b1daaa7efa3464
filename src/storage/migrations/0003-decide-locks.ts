import { MAKE_ROWS } from './0003-carry-over.js';

/** Steps 1 to 4 of `weir_decide_group`: take every lock in the common order, and read what it guards. */
export const LOCK_STEPS = `
  -- 1. Idempotency keys. Whoever inserted a key first has it; a group in between is waited for.
  SELECT count(*) INTO debit_count FROM unnest(kinds) AS k(kind) WHERE k.kind = KIND_DEBIT;
  IF debit_count > 0 THEN
    WITH inserted AS (
      INSERT INTO debit_keys AS k (scope, idempotency_key, body_hash, entry_id, recorded_at)
      SELECT i.scope, i.key, decode(i.hash, 'hex'), i.id, decided
        FROM unnest(kinds, scopes, keys, hashes, ids) AS i(kind, scope, key, hash, id)
        WHERE i.kind = KIND_DEBIT
        ORDER BY i.scope COLLATE "C", i.key COLLATE "C"
      ON CONFLICT DO NOTHING RETURNING k.entry_id)
    SELECT coalesce(array_agg(t.entry_id), '{}') INTO fresh FROM inserted AS t;
    IF cardinality(fresh) < debit_count THEN
      SELECT array_agg(i.kind = KIND_DEBIT AND i.id <> ALL (fresh) ORDER BY i.item) INTO is_used
        FROM unnest(kinds, ids) WITH ORDINALITY AS i(kind, id, item);
    END IF;
  END IF;

  -- 2. Which reservations are meant; their periods never change, so no lock is needed to read them.
  SELECT coalesce(array_agg(f.item::integer), '{}'), coalesce(array_agg(f.place::integer), '{}'),
      coalesce(array_agg(f.is_same), '{}'),
      coalesce(array_agg(f.id ORDER BY f.place) FILTER (WHERE f.copy = 1), '{}')
    INTO found_items, found_places, found_same, r_id
    FROM (
      SELECT e.*, dense_rank() OVER (ORDER BY e.id COLLATE "C") AS place,
          row_number() OVER (PARTITION BY e.id COLLATE "C") AS copy
        FROM (
          SELECT i.item, t.id, t.body_hash = decode(i.hash, 'hex') AS is_same
            FROM unnest(ref_ids, scopes, hashes) WITH ORDINALITY AS i(ref, scope, hash, item)
            JOIN reservations AS t ON t.id = i.ref AND t.scope = i.scope WHERE i.ref <> ''
          UNION ALL
          SELECT i.item, t.id, t.body_hash = decode(i.hash, 'hex')
            FROM unnest(ref_keys, scopes, hashes) WITH ORDINALITY AS i(ref, scope, hash, item)
            JOIN reservations AS t ON t.scope = i.scope AND t.reservation_key = i.ref
            WHERE i.ref <> '') AS e) AS f;
  FOR x IN 1..cardinality(found_items) LOOP
    reservation_of[found_items[x]] := found_places[x];
    same_body[found_items[x]] := found_same[x];
  END LOOP;

  -- 3. All periods in key order, each once, and where in that order each of ours and theirs is.
${MAKE_ROWS}  WITH theirs AS (
    SELECT row_number() OVER (ORDER BY t.id COLLATE "C", h.place) AS nth, h.*
      FROM unnest(r_id) AS i(id) JOIN reservations AS t ON t.id = i.id,
      LATERAL unnest(t.budget_ids, t.generations, t.period_starts_ms)
        WITH ORDINALITY AS h(budget_id, generation, start_ms, place)),
  named AS (
    SELECT true AS is_ours, m.nth, m.budget_id, m.generation, m.start_ms
      FROM unnest(period_budgets, period_generations, period_starts)
        WITH ORDINALITY AS m(budget_id, generation, start_ms, nth)
    UNION ALL
    SELECT false, h.nth, h.budget_id, h.generation, h.start_ms FROM theirs AS h    UNION ALL
    SELECT NULL, 0, w.budget_id, w.generation, w.start_ms
      FROM unnest(n_budget, n_generation, n_start) AS w(budget_id, generation, start_ms)),
  ranked AS (
    SELECT m.*,
        dense_rank() OVER (ORDER BY m.budget_id COLLATE "C", m.generation, m.start_ms) AS place,
        dense_rank() OVER (ORDER BY m.budget_id COLLATE "C") AS number,
        row_number() OVER (PARTITION BY m.budget_id COLLATE "C", m.generation, m.start_ms) AS copy
      FROM named AS m)
  SELECT coalesce(array_agg(t.place::integer ORDER BY t.nth) FILTER (WHERE t.is_ours), '{}'),
      coalesce(array_agg(t.place::integer ORDER BY t.nth) FILTER (WHERE NOT t.is_ours), '{}'),
      coalesce(array_agg(t.budget_id ORDER BY t.place) FILTER (WHERE t.copy = 1), '{}'),
      coalesce(array_agg(t.generation ORDER BY t.place) FILTER (WHERE t.copy = 1), '{}'),
      coalesce(array_agg(t.start_ms ORDER BY t.place) FILTER (WHERE t.copy = 1), '{}'),
      coalesce(array_agg(t.number::integer ORDER BY t.place) FILTER (WHERE t.copy = 1), '{}')
    INTO place_of, r_place, b_budget, b_generation, b_start, b_number FROM ranked AS t;

  SELECT coalesce(array_agg(t.posted_nanos ORDER BY t.place), '{}'),
      coalesce(array_agg(t.held_nanos ORDER BY t.place), '{}'),
      coalesce(array_agg(t.extra ORDER BY t.place), '{}'),
      coalesce(array_agg(t.entries ORDER BY t.place), '{}'),
      coalesce(array_agg(t.crossed_percent ORDER BY t.place), '{}'),
      coalesce(array_agg(t.period_end_ms ORDER BY t.place), '{}'),
      coalesce(array_agg(t.carried_in_nanos ORDER BY t.place), '{}')
    INTO b_posted, b_held, b_extra, b_entries, b_crossed, b_end, b_carried
    FROM (
      SELECT m.place, b.posted_nanos, b.held_nanos, b.entries, b.crossed_percent, b.period_end_ms, b.carried_in_nanos,
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
  IF cardinality(r_id) > 0 THEN
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
