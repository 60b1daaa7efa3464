import type { CustomerDraft, FieldsByKind, TeamDraft, VirtualKeyDraft } from './drafts.js';
import { checkAllowList } from './validate-match.js';
import { checkName, checkOptionalId } from './validate-text.js';
import { checkTime } from './validate-time.js';
import { type Checked, Violations } from './violations.js';

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
