import { isExactBucket } from '../../common/bucket-scale.js';
import type { Recurrence } from '../../common/recurrence.js';
import { DAY_MS, SECOND_MS } from '../../common/time.js';
import type { LimitDraft, RefillDraft, WindowDraft } from './drafts.js';
import type { LimitAlgorithm, LimitAlgorithmKind } from './model.js';
import { checkRange, MAXIMUM_MAX } from './validate-range.js';
import {
  checkCalendar,
  checkDuration,
  type DurationRule,
  type Place,
  toCalendarDraft,
} from './validate-recurrence.js';
import type { Violations } from './violations.js';

const NANOS_PER_MS = 1_000_000n;
const WINDOW: DurationRule = {
  leastMs: SECOND_MS,
  mostMs: 366 * DAY_MS,
  stepMs: 1,
  bounds: 'from 1 second to 366 days',
  steps: 'whole milliseconds',
};
const REFILL: DurationRule = {
  ...WINDOW,
  leastMs: 1,
  mostMs: 31 * DAY_MS,
  bounds: 'from 1 millisecond to 31 days',
};
const HOLD: DurationRule = { ...WINDOW, mostMs: DAY_MS, bounds: 'from 1 second to 24 hours' };

/** The algorithms that can use a window, the default first. */
const FITTING: { readonly [K in WindowDraft['kind']]: readonly LimitAlgorithmKind[] } = {
  duration: ['sliding_window', 'fixed_window'],
  calendar: ['fixed_window'],
  refill: ['token_bucket'],
  hold: ['concurrency'],
};

/** What each needs, in words. */
const NEEDS: { readonly [K in LimitAlgorithmKind]: string } = {
  sliding_window: 'a duration',
  fixed_window: 'a duration or a calendar',
  token_bucket: 'a refill',
  concurrency: 'a hold',
};

/** How a limit counts. The default follows the window, and a window that does not fit is refused. */
export function checkAlgorithm(draft: LimitDraft, place: Place, found: Violations): LimitAlgorithm {
  const { window } = draft;
  if (draft.algorithm === 'unknown')
    found.add(`${place.path}.algorithm`, `must be one of ${names(Object.keys(NEEDS))}`);
  if (window === undefined) return missing(draft.algorithm, place, found);
  checkFit(draft.algorithm, window, `${place.path}.algorithm`, found);
  switch (window.kind) {
    case 'duration': {
      const kind = draft.algorithm === 'fixed_window' ? 'fixed_window' : 'sliding_window';
      const field = `${place.path}.duration`;
      const durationMs = checkDuration(window.nanos, { ...WINDOW, field }, found) ?? 0;
      return { kind, window: { kind: 'duration', durationMs, anchorMs: 0 } };
    }
    case 'calendar':
      return { kind: 'fixed_window', window: checkCalendar(window, place, found) };
    case 'refill':
      return checkRefill(window, draft.maximum, place.path, found);
    case 'hold': {
      const rule = { ...HOLD, field: `${place.path}.hold.ttl` };
      return { kind: 'concurrency', holdMs: checkGiven(window.nanos, rule, found) };
    }
  }
}

/** What the caller would have to send to get this algorithm. */
export function toWindowDraft(algorithm: LimitAlgorithm): WindowDraft {
  switch (algorithm.kind) {
    case 'sliding_window':
    case 'fixed_window':
      return fromRecurrence(algorithm.window);
    case 'token_bucket': {
      const { refillAmount, refillMs } = algorithm;
      return { kind: 'refill', amount: BigInt(refillAmount), nanos: toNanos(refillMs) };
    }
    case 'concurrency':
      return { kind: 'hold', nanos: toNanos(algorithm.holdMs) };
  }
}

/** A lifetime is no window; one that was stored is asked for again. */
function fromRecurrence(window: Recurrence): WindowDraft {
  if (window.kind === 'calendar') return toCalendarDraft(window);
  return { kind: 'duration', nanos: toNanos(window.kind === 'duration' ? window.durationMs : 0) };
}

function missing(
  algorithm: LimitDraft['algorithm'],
  { path }: Place,
  found: Violations,
): LimitAlgorithm {
  if (algorithm === 'token_bucket')
    found.add(`${path}.refill`, 'is missing: say how much comes back, and in which time');
  else if (algorithm === 'concurrency')
    found.add(`${path}.hold`, 'is missing: say how long a call takes its place at most');
  else found.add(`${path}.duration`, 'is missing: give a duration, a calendar, a refill or a hold');
  return { kind: 'concurrency', holdMs: 0 };
}

function checkFit(
  algorithm: LimitDraft['algorithm'],
  { kind }: WindowDraft,
  field: string,
  found: Violations,
): void {
  if (algorithm === 'default' || algorithm === 'unknown') return;
  const fitting = FITTING[kind];
  if (fitting.includes(algorithm)) return;
  found.add(
    field,
    `${names([algorithm])} needs ${NEEDS[algorithm]}, but there is a ${kind}; ` +
      `give what it needs, or use ${names(fitting)}`,
  );
}

function checkRefill(
  { amount, nanos }: RefillDraft,
  burst: bigint,
  path: string,
  found: Violations,
): LimitAlgorithm {
  const field = `${path}.refill.interval`;
  const refillMs = checkGiven(nanos, { ...REFILL, field }, found);
  checkRange(amount, { field: `${path}.refill.amount`, least: 1n, most: MAXIMUM_MAX }, found);
  if (burst === 0n)
    found.add(`${path}.maximum`, 'must be 1 or more, since it is the burst of a token bucket');
  const rate = { maximum: Number(burst), refillAmount: Number(amount), refillMs };
  if (isWithin(burst) && isWithin(amount) && refillMs > 0 && !isExactBucket(rate))
    found.add(
      `${path}.refill`,
      'cannot be counted exactly with this burst: take a smaller burst, a shorter interval or a ' +
        'rounder rate',
    );
  return { kind: 'token_bucket', refillAmount: rate.refillAmount, refillMs };
}

const isWithin = (amount: bigint): boolean => amount >= 1n && amount <= MAXIMUM_MAX;

/** In milliseconds; 0 if it is missing or wrong. */
function checkGiven(
  nanos: bigint | undefined,
  rule: DurationRule & { readonly field: string },
  found: Violations,
): number {
  if (nanos !== undefined) return checkDuration(nanos, rule, found) ?? 0;
  found.add(rule.field, `is missing: it is ${rule.bounds}`);
  return 0;
}

const toNanos = (ms: number): bigint => BigInt(ms) * NANOS_PER_MS;

const names = (algorithms: readonly string[]): string =>
  algorithms.map((kind) => `ALGORITHM_${kind.toUpperCase()}`).join(' or ');
