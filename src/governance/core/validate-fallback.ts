import type { Fallback } from './model.js';
import type { Violations } from './violations.js';

/** What cannot be decided is denied, unless somebody says otherwise. */
export function checkFallback(
  fallback: Fallback | 'default' | 'unknown',
  field: string,
  found: Violations,
): Fallback {
  if (fallback === 'unknown') found.add(field, 'must be FALLBACK_DENY or FALLBACK_ALLOW');
  return fallback === 'allow' ? 'allow' : 'deny';
}
