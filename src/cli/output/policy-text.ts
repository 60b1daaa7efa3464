import type { Duration } from '../../gen/google/protobuf/duration.js';
import {
  type Calendar,
  CalendarUnit,
  type Interval,
  type Match,
  type Owner,
  OwnerKind,
  type PolicyStatus,
  Unit,
} from '../../gen/weir/v1/common.js';
import {
  type Budget,
  type CarryOver,
  ExpiryPolicy,
  Fallback,
  type FixedPeriod,
  type Limit,
} from '../../gen/weir/v1/governance_service.js';
import { formatDuration } from '../input/duration.js';
import { formatTimestamp } from '../input/timestamp.js';
import { formatUsd } from '../input/usd.js';

const OWNER_WORDS: ReadonlyMap<OwnerKind, string> = new Map([
  [OwnerKind.OWNER_KIND_ROOT, 'root'],
  [OwnerKind.OWNER_KIND_CUSTOMER, 'customer'],
  [OwnerKind.OWNER_KIND_TEAM, 'team'],
  [OwnerKind.OWNER_KIND_VIRTUAL_KEY, 'key'],
]);

/** `key ada`, `root` */
export function ownerText(owner: Owner | undefined): string {
  if (!owner) return '';
  return `${OWNER_WORDS.get(owner.kind) ?? '?'} ${owner.id}`.trim();
}

/** `$0.045`, or a count. */
export function quantityText(quantity: bigint, unit: Unit): string {
  return unit === Unit.UNIT_NANO_USD ? formatUsd(quantity) : quantity.toString();
}

const UNIT_WORDS: ReadonlyMap<Unit, string> = new Map([
  [Unit.UNIT_REQUESTS, 'requests'],
  [Unit.UNIT_TOKENS, 'tokens'],
  [Unit.UNIT_NANO_USD, 'USD'],
]);

export const unitText = (unit: Unit): string => UNIT_WORDS.get(unit) ?? '?';

type Period =
  Extract<Limit['window'], { $case: 'duration' | 'calendar' }> | NonNullable<Budget['period']>;

/** `10s`, `day (Europe/Berlin)`, `lifetime` */
export function periodText(period: Period | undefined): string {
  if (!period) return '';
  switch (period.$case) {
    case 'duration':
      return formatDuration(durationMs(period.value));
    case 'calendar':
      return calendarText(period.value);
    case 'lifetime':
      return 'lifetime';
    case 'fixed':
      return fixedText(period.value);
  }
}

/** `$25.00 per month (UTC)` */
export const budgetName = ({ amountNanos, period }: Budget): string =>
  `${formatUsd(amountNanos)} per ${periodText(period)}`;

/** `openai; gpt-4*; env=prod`; everything is an empty text. */
export function matchText(match: Match | undefined): string {
  if (!match) return '';
  const labels = Object.entries(match.labels).map(([name, value]) => `${name}=${value}`);
  return [match.providers, match.models, labels]
    .filter((part) => part.length > 0)
    .map((part) => part.join(', '))
    .join('; ');
}

/** What a policy is called where it is mentioned: its name, or its id. */
export const policyLabel = (status: PolicyStatus): string => status.policyName || status.policyId;

export function intervalText(interval: Interval | undefined): string {
  if (!interval?.start) return '';
  const end = interval.end ? formatTimestamp(interval.end) : 'no end';
  return `${formatTimestamp(interval.start)} - ${end}`;
}

export const durationMs = ({ seconds, nanos }: Duration): number =>
  Number(seconds) * 1_000 + nanos / 1_000_000;

export const retryText = (retryAfter: Duration | undefined): string =>
  retryAfter ? formatDuration(durationMs(retryAfter)) : '';

/** `30d`, `7d from 2026-08-03T00:00:00Z` */
function fixedText({ duration, anchor }: FixedPeriod): string {
  const from = anchor ? ` from ${formatTimestamp(anchor)}` : '';
  return `${duration ? formatDuration(durationMs(duration)) : ''}${from}`;
}

/** `50, 80, 100 %` */
export const thresholdsText = (percents: readonly number[]): string =>
  percents.length === 0 ? '' : `${percents.join(', ')} %`;

/** `charge floor`; nothing for what every budget does unless it is told otherwise. */
export const expiryText = (policy: ExpiryPolicy): string =>
  policy <= ExpiryPolicy.EXPIRY_POLICY_RELEASE ? '' : wordsOf(ExpiryPolicy[policy]);

export const fallbackText = (fallback: Fallback): string =>
  fallback <= Fallback.FALLBACK_DENY ? '' : wordsOf(Fallback[fallback]);

const wordsOf = (name: string | undefined): string =>
  (name ?? '?')
    .replace(/^(EXPIRY_POLICY|FALLBACK)_/, '')
    .replace('_', ' ')
    .toLowerCase();

/** `at most $5.00, at least $1.00, and what was overspent` */
export function carryOverText(carryOver: CarryOver | undefined): string {
  if (!carryOver) return '';
  const { maxNanos, minNanos, overage } = carryOver;
  const least = minNanos > 0n ? `, at least ${formatUsd(minNanos)}` : '';
  return `at most ${formatUsd(maxNanos)}${least}${overage ? ', and what was overspent' : ''}`;
}

function calendarText(calendar: Calendar): string {
  const unit = (CalendarUnit[calendar.unit] ?? '').replace('CALENDAR_UNIT_', '').toLowerCase();
  const from = calendar.anchorDay > 1 ? ` from day ${calendar.anchorDay}` : '';
  return `${unit}${from} (${calendar.timeZone || 'UTC'})`;
}
