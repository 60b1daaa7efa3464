import { ANSWER, KIND } from './0003-decide-codes.js';

/**
 * Step 5 of `weir_decide_group`: the decisions, in arrays and nothing else. `ledger-machine.ts` is the
 * same in TypeScript; a property test compares the two. `next_nanos` may be stale once a threshold was
 * crossed: then the exact rule is asked once more, and finds nothing new.
 */
export const DECIDE_STEP = `
  -- 5. Decide, item by item.
  IF debit_count > 0 AND '{}' <> ANY (thresholds) THEN
    SELECT array_agg((
          SELECT min(least(ceil((w.base::numeric + b_extra[w.place]) * t.percent / 100), 9223372036854775807))
            FROM unnest(w.list::integer[]) AS t(percent)
            WHERE t.percent > b_crossed[w.place] AND w.base::numeric + b_extra[w.place] > 0)::bigint
        ORDER BY w.nth)
      INTO next_nanos
      FROM unnest(limits, thresholds, place_of) WITH ORDINALITY AS w(base, list, place, nth);
  END IF;
  FOR i IN 1..n LOOP
    kind := kinds[i];
    r := coalesce(reservation_of[i], 0);
    amount := amounts[i];

    IF kind = ${KIND.hold} AND r > 0 THEN
      answers[i] := CASE WHEN same_body[i] THEN ${ANSWER.replayed} ELSE ${ANSWER.conflict} END;

    ELSIF kind = ${KIND.hold} THEN
      fits := true;
      FOR j IN first_postings[i]..last_postings[i] LOOP
        v := posting_views[j];
        p := place_of[v];
        room := limits[v] - b_posted[p] - b_held[p] + b_extra[p];
        IF enforced[v] AND (amount > room OR room <= 0) THEN
          fits := false;
          refusals := refusals || j;
        END IF;
      END LOOP;
      answers[i] := CASE WHEN fits THEN ${ANSWER.held} ELSE ${ANSWER.denied} END;
      IF fits THEN
        FOR j IN first_postings[i]..last_postings[i] LOOP
          p := place_of[posting_views[j]];
          b_held[p] := b_held[p] + amount;
        END LOOP;
      END IF;

    ELSIF kind = ${KIND.debit} AND is_used[i] THEN
      answers[i] := ${ANSWER.replayed};

    ELSIF kind = ${KIND.debit} AND r = 0 AND (ref_ids[i] <> '' OR ref_keys[i] <> '') THEN
      answers[i] := ${ANSWER.unknown};

    ELSIF kind = ${KIND.debit} AND r > 0
      AND NOT (r_state[r] = 'held' OR (r_state[r] = 'expired' AND r_entry[r] = '')) THEN
      answers[i] := ${ANSWER.ended};

    ELSIF kind = ${KIND.debit} THEN
      answers[i] := ${ANSWER.posted};
      IF r > 0 THEN
        charge := r_charged[r];
        is_moved := charge <> 0;
        e_budgets := '{}'; e_generations := '{}'; e_starts := '{}'; e_amounts := '{}';
        IF r_state[r] = 'held' THEN
          FOR k IN r_first[r]..r_last[r] LOOP
            b_held[r_place[k]] := b_held[r_place[k]] - r_amount[r];
          END LOOP;
        END IF;
      END IF;
      FOR j IN first_postings[i]..last_postings[i] LOOP
        v := posting_views[j];
        p := place_of[v];
        room := amount;
        IF r > 0 THEN
          found_at := 0;
          FOR k IN r_first[r]..r_last[r] LOOP
            IF b_number[r_place[k]] = b_number[p] THEN found_at := r_place[k]; EXIT; END IF;
          END LOOP;
          IF found_at > 0 THEN
            is_moved := is_moved OR found_at <> p;
            p := found_at;
            room := amount - charge;
          END IF;
          e_budgets := e_budgets || b_budget[p]; e_generations := e_generations || b_generation[p];
          e_starts := e_starts || b_start[p]; e_amounts := e_amounts || room;
        END IF;
        b_posted[p] := b_posted[p] + room;
        b_entries[p] := b_entries[p] + 1;
        IF b_posted[p] >= next_nanos[v] OR p <> place_of[v] THEN
          bound := limits[v]::numeric + b_extra[p];
          FOREACH percent IN ARRAY thresholds[v]::integer[] LOOP
            IF percent > b_crossed[p] AND bound > 0 AND b_posted[p]::numeric * 100 >= bound * percent THEN
              b_crossed[p] := percent;
              x_item := x_item || i; x_place := x_place || p; x_percent := x_percent || percent;
              x_posted := x_posted || b_posted[p];
              x_limit := x_limit || least(bound, 9223372036854775807)::bigint;
            END IF;
          END LOOP;
        END IF;
      END LOOP;
      IF r > 0 THEN
        IF charge <> 0 THEN
          FOR k IN r_first[r]..r_last[r] LOOP
            q := r_place[k];
            fits := false;
            FOR j IN first_postings[i]..last_postings[i] LOOP
              fits := fits OR b_number[place_of[posting_views[j]]] = b_number[q];
            END LOOP;
            IF NOT fits THEN
              b_posted[q] := b_posted[q] - charge;
              b_entries[q] := b_entries[q] + 1;
              e_budgets := e_budgets || b_budget[q]; e_generations := e_generations || b_generation[q];
              e_starts := e_starts || b_start[q]; e_amounts := e_amounts || (-charge);
            END IF;
          END LOOP;
        END IF;
        IF is_moved THEN
          own_budgets[i] := e_budgets::text; own_generations[i] := e_generations::text;
          own_starts[i] := e_starts::text; own_amounts[i] := e_amounts::text;
        END IF;
        own_charged[i] := charge;
        own_overage[i] := greatest(amount - r_amount[r], 0);
        is_late := r_state[r] = 'expired' OR r_expires[r] <= decided;
        IF is_late THEN answers[i] := ${ANSWER.postedLate}; END IF;
        r_state[r] := CASE WHEN is_late THEN 'expired' ELSE 'committed' END;
        r_entry[r] := ids[i];
        r_changed[r] := true;
      END IF;

    ELSIF r = 0 THEN
      answers[i] := ${ANSWER.unknown};

    ELSIF r_state[r] <> 'held' THEN
      answers[i] := ${ANSWER.ended};

    ELSIF kind = ${KIND.expire} OR kind = ${KIND.force} THEN
      IF kind = ${KIND.expire} AND r_expires[r] > decided THEN
        answers[i] := ${ANSWER.ended};
      ELSE
        charge := CASE
          WHEN kind = ${KIND.force} OR r_policy[r] = 'release' THEN 0
          WHEN r_policy[r] = 'charge_floor' THEN least(r_floor[r], r_amount[r])
          ELSE r_amount[r] END;
        FOR k IN r_first[r]..r_last[r] LOOP
          q := r_place[k];
          b_held[q] := b_held[q] - r_amount[r];
          b_posted[q] := b_posted[q] + charge;
          b_entries[q] := b_entries[q] + CASE WHEN charge > 0 THEN 1 ELSE 0 END;
        END LOOP;
        own_charged[i] := charge;
        answers[i] := ${ANSWER.expired};
        r_state[r] := 'expired';
        r_charged[r] := charge;
        r_changed[r] := true;
      END IF;

    ELSIF r_expires[r] <= decided THEN
      answers[i] := ${ANSWER.ended};

    ELSIF kind = ${KIND.release} THEN
      FOR k IN r_first[r]..r_last[r] LOOP
        b_held[r_place[k]] := b_held[r_place[k]] - r_amount[r];
      END LOOP;
      answers[i] := ${ANSWER.released};
      r_state[r] := 'released';
      r_changed[r] := true;

    ELSIF kind = ${KIND.extend} THEN
      fits := true;
      FOR j IN first_postings[i]..last_postings[i] LOOP
        v := posting_views[j];
        p := place_of[v];
        FOR k IN r_first[r]..r_last[r] LOOP
          q := r_place[k];
          IF amount > 0 AND enforced[v] AND b_number[q] = b_number[p]
            AND amount > limits[v] - b_posted[q] - b_held[q] + b_extra[q] THEN
            fits := false;
            refusals := refusals || j;
          END IF;
        END LOOP;
      END LOOP;
      answers[i] := CASE WHEN fits THEN ${ANSWER.extended} ELSE ${ANSWER.denied} END;
      IF fits THEN
        FOR k IN r_first[r]..r_last[r] LOOP
          b_held[r_place[k]] := b_held[r_place[k]] + amount;
        END LOOP;
        r_amount[r] := r_amount[r] + amount;
        r_expires[r] :=
          greatest(r_expires[r], decided + make_interval(secs => ttls_ms[i] / 1000.0));
        r_changed[r] := true;
      END IF;
    END IF;

    FOR j IN first_postings[i]..last_postings[i] LOOP
      p := place_of[posting_views[j]];
      answer_posted[j] := b_posted[p];
      answer_held[j] := b_held[p];
    END LOOP;
  END LOOP;
`;
