import type { CheckLimitRequest } from '../../gen/weir/v1/quota_service.js';

/** A check of one request by that key. */
export const checkOf = (keyId: string): CheckLimitRequest => ({
  subject: { $case: 'virtualKeyId', value: keyId },
  provider: 'demo',
  model: 'chat',
  labels: {},
  amountNanos: 0n,
  dryRun: false,
  reservationKey: '',
  reserveTtl: undefined,
  noHold: false,
  inputTokens: 0n,
  maxOutputTokens: 0n,
});
