import type { WallMs } from '../../common/time.js';
import type { GrantDraft, GrantFields } from './drafts.js';
import { INT64_MAX } from './validate-range.js';
import { checkId, checkOptionalId, checkSentence } from './validate-text.js';
import { checkTime } from './validate-time.js';
import { type Checked, Violations } from './violations.js';

const REASON_CHARACTERS_MAX = 500;
const ACTOR_CHARACTERS_MAX = 200;

/** Half a grant is none: its end, its reason and who gives it must be said. */
export function validateGrant(draft: GrantDraft, now: WallMs): Checked<GrantFields> {
  const found = new Violations();
  checkOptionalId(draft.id, 'grant.id', found);
  const startsAt = checkTime(draft.startsAtMs, 'grant.starts_at', found) ?? now;
  return found.conclude({
    budgetId: checkId(draft.budgetId, 'grant.budget_id', found),
    amountNanos: checkAmount(draft.amountNanos, found),
    startsAt,
    endsAt: checkEnd(draft.endsAtMs, { startsAt, now }, found),
    reason: checkSentence(
      draft.reason,
      { field: 'grant.reason', most: REASON_CHARACTERS_MAX },
      found,
    ),
    actor: checkSentence(draft.actor, { field: 'grant.actor', most: ACTOR_CHARACTERS_MAX }, found),
  });
}

function checkAmount(nanos: bigint, found: Violations): bigint {
  if (nanos < 1n || nanos > INT64_MAX) {
    found.add('grant.amount_nanos', `must be from 1 to ${INT64_MAX}, but is ${nanos}`);
  }
  return nanos;
}

function checkEnd(
  ms: number | undefined,
  { startsAt, now }: { readonly startsAt: WallMs; readonly now: WallMs },
  found: Violations,
): WallMs {
  const field = 'grant.ends_at';
  const endsAt = checkTime(ms, field, found);
  if (endsAt === undefined) {
    found.add(field, 'is missing: say when the grant is over');
    return now;
  }
  if (endsAt <= startsAt) found.add(field, 'must be after starts_at, which is now if left out');
  else if (endsAt <= now) found.add(field, 'must be in the future');
  return endsAt;
}
