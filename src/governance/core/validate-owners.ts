import { type WallMs, wallMs } from '../../common/time.js';
import type { CustomerDraft, FieldsByKind, TeamDraft, VirtualKeyDraft } from './drafts.js';
import { checkAllowList } from './validate-match.js';
import { checkName, checkOptionalId } from './validate-text.js';
import { type Checked, Violations } from './violations.js';

/** The last millisecond of the year 9999, where protobuf's time stamps end. */
const TIME_MS_MAX = 253_402_300_799_999;

export function validateCustomer(
  draft: CustomerDraft,
  path: string,
): Checked<FieldsByKind['customer']> {
  const found = new Violations();
  return found.conclude({ name: checkName(draft.name, `${path}.name`, found) });
}

export function validateTeam(draft: TeamDraft, path: string): Checked<FieldsByKind['team']> {
  const found = new Violations();
  return found.conclude({
    name: checkName(draft.name, `${path}.name`, found),
    customerId: checkOptionalId(draft.customerId, `${path}.customer_id`, found),
  });
}

export function validateVirtualKey(
  draft: VirtualKeyDraft,
  path: string,
): Checked<FieldsByKind['virtual_key']> {
  const found = new Violations();
  return found.conclude({
    name: checkName(draft.name, `${path}.name`, found),
    teamId: checkOptionalId(draft.teamId, `${path}.team_id`, found),
    customerId: checkOptionalId(draft.customerId, `${path}.customer_id`, found),
    active: draft.active,
    expiresAt: checkTime(draft.expiresAtMs, `${path}.expires_at`, found),
    allowedProviders: checkAllowList(draft.allowedProviders, `${path}.allowed_providers`, found),
    allowedModels: checkAllowList(draft.allowedModels, `${path}.allowed_models`, found),
  });
}

function checkTime(ms: number | undefined, field: string, found: Violations): WallMs | undefined {
  if (ms === undefined) return undefined;
  if (!Number.isInteger(ms) || ms < 0 || ms > TIME_MS_MAX) {
    found.add(field, 'must be a time in whole milliseconds, of the years 1970 to 9999');
  }
  return wallMs(ms);
}
