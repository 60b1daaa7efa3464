import { CORRECT_CARRIED } from './0003-carry-over.js';
import { ANSWER, KIND } from './0003-decide-codes.js';

/** Steps 6 to 8 of `weir_decide_group`: write what was decided, note what was crossed, answer. */
export const WRITE_STEPS = `
  -- 6. Write what was decided.
  IF ${ANSWER.held} = ANY (answers) THEN
    INSERT INTO reservations
      (id, scope, reservation_key, body_hash, amount_nanos, floor_nanos, on_expiry, created_at, expires_at,
       virtual_key_id, team_id, customer_id, provider, model, budget_ids, generations,
       period_starts_ms, takes)
    SELECT i.id, i.scope, i.ref_key, decode(i.hash, 'hex'), i.amount, i.floor, i.policy, decided,
        decided + make_interval(secs => i.ttl_ms / 1000.0),
        i.virtual_key, i.team, i.customer, i.provider, i.model, i.budgets::text[],
        i.generations::integer[], i.starts::bigint[], i.takes
      FROM unnest(answers, ids, scopes, ref_keys, hashes, amounts, floors, policies, ttls_ms,
          virtual_keys, teams, customers, providers, models, posted_budgets, posted_generations,
          posted_starts, takes)
        AS i(answer, id, scope, ref_key, hash, amount, floor, policy, ttl_ms, virtual_key, team, customer,
          provider, model, budgets, generations, starts, takes)
      WHERE i.answer = ${ANSWER.held}
      ORDER BY i.scope COLLATE "C", i.ref_key COLLATE "C";
  END IF;

  IF true = ANY (r_changed) THEN
    UPDATE reservations AS t
      SET state = u.state, amount_nanos = u.amount, expires_at = u.expires, charged_nanos = u.charged,
          entry_id = u.entry, ended_at = CASE WHEN u.state <> 'held' THEN coalesce(t.ended_at, decided) END
      FROM unnest(r_id, r_state, r_amount, r_expires, r_charged, r_entry, r_changed)
        AS u(id, state, amount, expires, charged, entry, changed)
      WHERE t.id = u.id AND u.changed;
    IF ${ANSWER.expired} = ANY (answers) THEN
      INSERT INTO ledger_entries
        (recorded_at, id, kind, scope, idempotency_key, virtual_key_id, team_id, customer_id, provider,
         model, amount_nanos, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, price_id,
         price_revision, budget_ids, generations, period_starts_ms, posted_nanos, reservation_id)
      SELECT decided, i.id, 'expiry', t.scope, '', t.virtual_key_id, t.team_id, t.customer_id, t.provider,
          t.model, i.charge, 0, 0, 0, 0, '', 0, t.budget_ids, t.generations, t.period_starts_ms,
          array_fill(i.charge, ARRAY[cardinality(t.budget_ids)]), t.id
        FROM unnest(answers, ids, own_charged, reservation_of) AS i(answer, id, charge, r)
        JOIN reservations AS t ON t.id = r_id[i.r]
        WHERE i.answer = ${ANSWER.expired} AND i.charge > 0;
    END IF;
  END IF;

  IF debit_count > 0 THEN
    INSERT INTO ledger_entries
      (recorded_at, id, kind, scope, idempotency_key, virtual_key_id, team_id, customer_id, provider,
       model, amount_nanos, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, price_id,
       price_revision, budget_ids, generations, period_starts_ms, posted_nanos, reservation_id,
       charged_before_nanos, overage_nanos)
    SELECT decided, i.id, CASE WHEN i.answer = ${ANSWER.postedLate} THEN 'late' ELSE 'debit' END, i.scope, i.key,
        i.virtual_key, i.team, i.customer, i.provider, i.model,
        i.amount - coalesce(i.charged, 0), i.input,
        i.cached_input, i.output, i.reasoning, i.price, i.revision,
        coalesce(i.own_budgets, i.budgets)::text[],
        coalesce(i.own_generations, i.generations)::integer[],
        coalesce(i.own_starts, i.starts)::bigint[], coalesce(i.own_amounts, i.posted)::bigint[],
        CASE WHEN i.r > 0 THEN r_id[i.r] ELSE '' END, coalesce(i.charged, 0), coalesce(i.overage, 0)
      FROM unnest(answers, ids, scopes, keys, virtual_keys, teams, customers, providers, models, amounts,
          inputs, cached_inputs, outputs, reasonings, prices, revisions, posted_budgets,
          posted_generations, posted_starts, posted_amounts, own_budgets, own_generations, own_starts,
          own_amounts, own_charged, own_overage, reservation_of)
        AS i(answer, id, scope, key, virtual_key, team, customer, provider, model, amount, input,
          cached_input, output, reasoning, price, revision, budgets, generations, starts, posted,
          own_budgets, own_generations, own_starts, own_amounts, charged, overage, r)
      WHERE i.answer = ${ANSWER.posted} OR i.answer = ${ANSWER.postedLate};
    IF ${ANSWER.unknown} = ANY (answers) OR ${ANSWER.ended} = ANY (answers) THEN
      DELETE FROM debit_keys AS k
        USING unnest(kinds, answers, scopes, keys) AS i(kind, answer, scope, key)
        WHERE i.kind = ${KIND.debit} AND (i.answer = ${ANSWER.unknown} OR i.answer = ${ANSWER.ended})
          AND k.scope = i.scope AND k.idempotency_key = i.key;
    END IF;
  END IF;

${CORRECT_CARRIED}  UPDATE budget_periods AS b
    SET posted_nanos = u.posted, held_nanos = u.held, entries = u.entries, crossed_percent = u.crossed
    FROM unnest(b_budget, b_generation, b_start, b_posted, b_held, b_entries, b_crossed)
      AS u(budget_id, generation, start_ms, posted, held, entries, crossed)
    WHERE b.budget_id = u.budget_id AND b.generation = u.generation AND b.period_start_ms = u.start_ms
      AND (b.posted_nanos <> u.posted OR b.held_nanos <> u.held OR b.entries <> u.entries);

  -- 7. Thresholds: each once for a budget and period, with the entry that crossed it.
  IF x_item IS NOT NULL THEN
    INSERT INTO threshold_crossings
      (budget_id, generation, period_start_ms, percent, posted_nanos, limit_nanos, crossed_at, entry_id)
    SELECT b_budget[x.place], b_generation[x.place], b_start[x.place], x.percent, x.nanos, x.bound, decided,
        ids[x.item]
      FROM unnest(x_item, x_place, x_percent, x_posted, x_limit) WITH ORDINALITY
        AS x(item, place, percent, nanos, bound, nth)
      ORDER BY x.nth;
    SELECT json_agg(json_build_object('item', x.item, 'budgetId', b_budget[x.place], 'percent', x.percent)
        ORDER BY x.nth)
      INTO crossed FROM unnest(x_item, x_place, x_percent) WITH ORDINALITY
        AS x(item, place, percent, nth);
  END IF;

  -- 8. Answer.
  IF cardinality(refusals) > 0 THEN
    SELECT json_object_agg(f.budget_id, f.frees_ms) INTO frees_at FROM (
      SELECT h.budget_id, (extract(epoch FROM min(t.expires_at)) * 1000)::bigint AS frees_ms
        FROM (SELECT s.expires_at, s.budget_ids FROM reservations AS s
                WHERE s.state = 'held' AND s.expires_at > decided ORDER BY s.expires_at LIMIT 100) AS t,
        LATERAL unnest(t.budget_ids) AS h(budget_id)
        WHERE h.budget_id = ANY (period_budgets) GROUP BY h.budget_id) AS f;
  END IF;
  IF debit_count > 0 AND (is_used IS NOT NULL OR r_id IS NOT NULL) THEN
    SELECT array_agg(i.kind = ${KIND.debit}
          AND (i.answer = ${ANSWER.replayed} OR i.answer = ${ANSWER.postedLate} OR own_budgets[i.item] IS NOT NULL)
          ORDER BY i.item)
      INTO wanted FROM unnest(kinds, answers) WITH ORDINALITY AS i(kind, answer, item);
    IF true = ANY (wanted) THEN
      SELECT json_agg(f) INTO debit_facts FROM weir_facts_of_debits(decided, wanted, scopes, keys, hashes) AS f;
    END IF;
  END IF;
  IF r_id IS NOT NULL THEN
    SELECT json_agg(f) INTO reservation_facts
      FROM weir_facts_of_reservations(kinds, answers, reservation_of, r_id) AS f;
  END IF;
  decided_ms := (extract(epoch FROM decided) * 1000)::bigint;
  codes := array_to_string(answers, ' ');
  posted := array_to_string(answer_posted, ' ');
  held := array_to_string(answer_held, ' ');
  places := array_to_string(place_of, ' ');
  extra := array_to_string(b_extra, ' ');
  refused := array_to_string(refusals, ' ');
  overages := array_to_string(own_overage, ' ');
  RETURN NEXT;
`;
