import { CliError } from '../exit-code.js';
import { formatUsd } from '../input/usd.js';
import type { PolicyStatus } from '../../gen/weir/v1/common.js';
import { type CheckLimitResponse, Decision, DenyReason } from '../../gen/weir/v1/quota_service.js';
import type { Column } from './table.js';
import { intervalText, ownerText, policyLabel, quantityText, retryText } from './policy-text.js';

const EXPLANATIONS: Readonly<Record<DenyReason, string>> = {
  [DenyReason.DENY_REASON_UNSPECIFIED]: 'denied',
  [DenyReason.DENY_REASON_RATE_LIMITED]: 'the window is used up',
  [DenyReason.DENY_REASON_BUDGET_EXHAUSTED]: 'not enough is left in this period',
  [DenyReason.DENY_REASON_HELD_BY_OTHERS]: 'what is left is set aside for calls in flight',
  [DenyReason.DENY_REASON_TOO_LARGE]: 'larger than the policy ever holds',
  [DenyReason.DENY_REASON_KEY_REQUIRED]: 'a virtual key is required',
  [DenyReason.DENY_REASON_KEY_UNKNOWN]: 'the virtual key is unknown',
  [DenyReason.DENY_REASON_KEY_INACTIVE]: 'the virtual key is switched off',
  [DenyReason.DENY_REASON_KEY_EXPIRED]: 'the virtual key has expired',
  [DenyReason.DENY_REASON_PROVIDER_NOT_ALLOWED]: 'the key may not use this provider',
  [DenyReason.DENY_REASON_MODEL_NOT_ALLOWED]: 'the key may not use this model',
  [DenyReason.DENY_REASON_UNPRICED]: 'its cost cannot be estimated: the model has no price',
  [DenyReason.UNRECOGNIZED]: 'denied, for a reason that this version of weir does not know',
};

/** `RATE_LIMITED` */
export const reasonName = (reason: DenyReason): string =>
  (DenyReason[reason] ?? String(reason)).replace('DENY_REASON_', '');

export const reasonText = (reason: DenyReason): string => EXPLANATIONS[reason] ?? `${reason}`;

export function isAllowed(response: CheckLimitResponse): boolean {
  if (response.decision === Decision.DECISION_ALLOW) return true;
  if (response.decision === Decision.DECISION_DENY) return false;
  throw new CliError('The service answered neither ALLOW nor DENY: is it another version?', 4);
}

/** The whole answer of a check in one line. */
export function decisionText(response: CheckLimitResponse): string {
  if (isAllowed(response)) return `ALLOWED${affordableText(response)}`;
  const binding = response.statuses.find(({ policyId }) => policyId === response.bindingPolicyId);
  const by = binding ? ` by ${policyLabel(binding)} of ${ownerText(binding.owner)}` : '';
  const wait = response.retryAfter ? `; retry after ${retryText(response.retryAfter)}` : '';
  const { reason } = response;
  return `DENIED${by}: ${reasonName(reason)}, ${reasonText(reason)}${wait}${affordableText(response)}`;
}

export const STATUS_COLUMNS: readonly Column<PolicyStatus>[] = [
  { title: 'POLICY', text: policyLabel },
  { title: 'OWNER', text: ({ owner }) => ownerText(owner) },
  { title: 'LIMIT', align: 'right', text: ({ limit, unit }) => quantityText(limit, unit) },
  { title: 'LEFT', align: 'right', text: ({ remaining, unit }) => quantityText(remaining, unit) },
  {
    title: 'ROOM',
    text: ({ admits, shadow }) => `${admits ? 'yes' : 'no'}${shadow ? ' (shadow)' : ''}`,
  },
  { title: 'RETRY AFTER', text: ({ retryAfter }) => retryText(retryAfter) },
  { title: 'GROUP', text: ({ group }) => Object.values(group).join(', ') },
  { title: 'WINDOW OR PERIOD (UTC)', text: ({ interval }) => intervalText(interval) },
];

function affordableText({ affordableNanos }: CheckLimitResponse): string {
  return affordableNanos === undefined ? '' : `; ${formatUsd(affordableNanos)} affordable`;
}
