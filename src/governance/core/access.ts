import type { WallMs } from '../../common/time.js';
import type { VirtualKey } from './model.js';
import { matchesPattern } from './name-pattern.js';

/** Why a key may not make a call, whatever is left of its limits. */
export type AccessDenial =
  'KEY_INACTIVE' | 'KEY_EXPIRED' | 'PROVIDER_NOT_ALLOWED' | 'MODEL_NOT_ALLOWED';

type Grant = Pick<VirtualKey, 'active' | 'expiresAt' | 'allowedProviders' | 'allowedModels'>;

/** Whether the key may make any call at any time, so that nothing has to be asked of it. */
export const isUnrestricted = (key: Grant): boolean =>
  key.active &&
  key.expiresAt === undefined &&
  key.allowedProviders === undefined &&
  key.allowedModels === undefined;

/**
 * The first of the denials, in the order of the type, that applies at `now`. A list that is given
 * denies what it does not name, so that a new model is not allowed by accident.
 */
export function accessDenial(
  key: Grant,
  call: { readonly provider: string; readonly model: string },
  now: WallMs,
): AccessDenial | undefined {
  if (!key.active) return 'KEY_INACTIVE';
  if (key.expiresAt !== undefined && now >= key.expiresAt) return 'KEY_EXPIRED';
  if (!isAllowed(key.allowedProviders, call.provider)) return 'PROVIDER_NOT_ALLOWED';
  if (!isAllowed(key.allowedModels, call.model)) return 'MODEL_NOT_ALLOWED';
  return undefined;
}

function isAllowed(patterns: readonly string[] | undefined, name: string): boolean {
  return patterns === undefined || patterns.some((pattern) => matchesPattern(pattern, name));
}
