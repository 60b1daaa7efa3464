import { InvalidArgumentError } from 'commander';
import { Fallback } from '../../gen/weir/v1/governance_service.js';

/** `deny` or `allow`, for what a policy cannot decide. */
export function parseFallback(text: string): Fallback {
  if (text.toLowerCase() === 'deny') return Fallback.FALLBACK_DENY;
  if (text.toLowerCase() === 'allow') return Fallback.FALLBACK_ALLOW;
  throw new InvalidArgumentError('Write one of deny, allow.');
}
