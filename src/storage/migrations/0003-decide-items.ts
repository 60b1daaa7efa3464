/**
 * Step 5 of `weir_decide_group`: the decisions, in arrays and nothing else. `ledger-machine.ts` is the
 * same in TypeScript; a property test compares the two.
 */
export const DECIDE_STEP = `
  -- 5. Decide, item by item.
  FOR i IN 1..n LOOP
    kind := kinds[i];
    r := reservation_of[i];
    amount := amounts[i];

    IF kind = KIND_HOLD AND r > 0 THEN
      answers[i] := CASE WHEN same_body[i] THEN IS_REPLAYED ELSE IS_CONFLICT END;

    ELSIF kind = KIND_HOLD THEN
      fits := true;
      FOR j IN first_postings[i]..last_postings[i] LOOP
        p := place_of[posting_periods[j]];
        room := limits[posting_periods[j]] - b_posted[p] - b_held[p] + b_extra[p];
        IF enforced[posting_periods[j]] AND (amount > room OR room <= 0) THEN
          fits := false;
          refusals := refusals || j;
        END IF;
      END LOOP;
      answers[i] := CASE WHEN fits THEN IS_HELD ELSE IS_DENIED END;
      IF fits THEN
        own_expires[i] := decided + make_interval(secs => ttls_ms[i] / 1000.0);
        FOR j IN first_postings[i]..last_postings[i] LOOP
          p := place_of[posting_periods[j]];
          b_held[p] := b_held[p] + amount;
        END LOOP;
      END IF;

    ELSIF kind = KIND_DEBIT AND is_used[i] THEN
      answers[i] := IS_REPLAYED;

    ELSIF kind = KIND_DEBIT AND r = 0 AND (ref_ids[i] <> '' OR ref_keys[i] <> '') THEN
      answers[i] := IS_UNKNOWN;

    ELSIF kind = KIND_DEBIT AND r = 0 THEN
      answers[i] := IS_POSTED_ONCE;
      FOR j IN first_postings[i]..last_postings[i] LOOP
        p := place_of[posting_periods[j]];
        b_posted[p] := b_posted[p] + amount;
        b_entries[p] := b_entries[p] + 1;
      END LOOP;

    ELSIF kind = KIND_DEBIT AND NOT (r_state[r] = 'held' OR (r_state[r] = 'expired' AND r_entry[r] = '')) THEN
      answers[i] := IS_ENDED;

    ELSIF kind = KIND_DEBIT THEN
      is_late := r_state[r] = 'expired' OR r_expires[r] <= decided;
      charge := r_charged[r];
      is_moved := charge <> 0;
      e_budgets := '{}'; e_generations := '{}'; e_starts := '{}'; e_amounts := '{}';
      IF r_state[r] = 'held' THEN
        FOR k IN r_first[r]..r_last[r] LOOP
          b_held[r_place[k]] := b_held[r_place[k]] - r_amount[r];
        END LOOP;
      END IF;
      FOR j IN first_postings[i]..last_postings[i] LOOP
        p := place_of[posting_periods[j]];
        found_at := 0;
        FOR k IN r_first[r]..r_last[r] LOOP
          IF b_number[r_place[k]] = b_number[p] THEN found_at := r_place[k]; EXIT; END IF;
        END LOOP;
        room := amount;
        IF found_at > 0 THEN
          is_moved := is_moved OR found_at <> p;
          p := found_at;
          room := amount - charge;
        END IF;
        b_posted[p] := b_posted[p] + room;
        b_entries[p] := b_entries[p] + 1;
        e_budgets := e_budgets || b_budget[p]; e_generations := e_generations || b_generation[p];
        e_starts := e_starts || b_start[p]; e_amounts := e_amounts || room;
      END LOOP;
      IF charge <> 0 THEN
        FOR k IN r_first[r]..r_last[r] LOOP
          q := r_place[k];
          fits := false;
          FOR j IN first_postings[i]..last_postings[i] LOOP
            fits := fits OR b_number[place_of[posting_periods[j]]] = b_number[q];
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
      answers[i] := CASE WHEN is_late THEN IS_POSTED_LATE ELSE IS_POSTED_ONCE END;
      r_state[r] := CASE WHEN is_late THEN 'expired' ELSE 'committed' END;
      r_entry[r] := ids[i];
      r_changed[r] := true;

    ELSIF r = 0 THEN
      answers[i] := IS_UNKNOWN;

    ELSIF r_state[r] <> 'held' THEN
      answers[i] := IS_ENDED;

    ELSIF kind = KIND_EXPIRE OR kind = KIND_FORCE THEN
      IF kind = KIND_EXPIRE AND r_expires[r] > decided THEN
        answers[i] := IS_ENDED;
      ELSE
        charge := CASE
          WHEN kind = KIND_FORCE OR r_policy[r] = 'release' THEN 0
          WHEN r_policy[r] = 'charge_floor' THEN least(r_floor[r], r_amount[r])
          ELSE r_amount[r] END;
        FOR k IN r_first[r]..r_last[r] LOOP
          q := r_place[k];
          b_held[q] := b_held[q] - r_amount[r];
          b_posted[q] := b_posted[q] + charge;
          b_entries[q] := b_entries[q] + CASE WHEN charge > 0 THEN 1 ELSE 0 END;
        END LOOP;
        own_charged[i] := charge;
        answers[i] := IS_EXPIRED;
        r_state[r] := 'expired';
        r_charged[r] := charge;
        r_changed[r] := true;
      END IF;

    ELSIF r_expires[r] <= decided THEN
      answers[i] := IS_ENDED;

    ELSIF kind = KIND_RELEASE THEN
      FOR k IN r_first[r]..r_last[r] LOOP
        b_held[r_place[k]] := b_held[r_place[k]] - r_amount[r];
      END LOOP;
      answers[i] := IS_RELEASED;
      r_state[r] := 'released';
      r_changed[r] := true;

    ELSIF kind = KIND_EXTEND THEN
      fits := true;
      FOR j IN first_postings[i]..last_postings[i] LOOP
        p := place_of[posting_periods[j]];
        FOR k IN r_first[r]..r_last[r] LOOP
          q := r_place[k];
          IF amount > 0 AND enforced[posting_periods[j]] AND b_number[q] = b_number[p]
            AND amount > limits[posting_periods[j]] - b_posted[q] - b_held[q] + b_extra[q] THEN
            fits := false;
            refusals := refusals || j;
          END IF;
        END LOOP;
      END LOOP;
      answers[i] := CASE WHEN fits THEN IS_EXTENDED ELSE IS_DENIED END;
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
      p := place_of[posting_periods[j]];
      answer_posted[j] := b_posted[p];
      answer_held[j] := b_held[p];
    END LOOP;
  END LOOP;
`;
