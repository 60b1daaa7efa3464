import { describe, expect, it } from '@jest/globals';
import { limitDraft } from '../../../test/contract/policy-store-records.js';
import type { LimitDraft, WindowDraft } from './drafts.js';
import { validateLimit } from './validate-policies.js';

const check = (changes: Partial<LimitDraft>) =>
  validateLimit(limitDraft(changes), 'limit', () => true);

const faultsOf = (changes: Partial<LimitDraft>): string[] => {
  const checked = check(changes);
  if (checked.kind === 'valid') return [];
  return checked.violations.map(({ field, description }) => `${field}: ${description}`);
};

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
const MAX = 9_007_199_254_740_991n;
const refill = (amount: bigint, nanos?: bigint): WindowDraft => ({ kind: 'refill', amount, nanos });
const hold = (nanos?: bigint): WindowDraft => ({ kind: 'hold', nanos });
const month: WindowDraft = {
  kind: 'calendar',
  unit: 'month',
  timeZone: '',
  weekStart: 0,
  anchorDay: 0,
  anchorMonth: 0,
};

describe('the rules for token buckets', () => {
  it('take a refill to mean one', () => {
    expect(check({ window: refill(10n, SECOND), maximum: 20n })).toMatchObject({
      value: {
        maximum: 20,
        algorithm: { kind: 'token_bucket', refillAmount: 10, refillMs: 1_000 },
      },
    });
  });

  it.each([
    ['one in 31 days', 1n, refill(1n, 31n * DAY)],
    ['all in a millisecond', 1n << 50n, refill(MAX, 1_000_000n)],
    ['2^50 in a second of 2^10', 1n << 40n, refill(1_000n, SECOND)],
  ])('take %s', (_, maximum, window) => expect(faultsOf({ window, maximum })).toEqual([]));

  it.each([
    ['a rate of 0', 5n, refill(0n, SECOND), /^limit.refill.amount: must be from 1 to /],
    ['a negative rate', 5n, refill(-1n, SECOND), /^limit.refill.amount: must be from 1 to /],
    ['a rate of 2^53', 5n, refill(MAX + 1n, SECOND), /^limit.refill.amount: must be from 1 to /],
    ['no interval', 5n, refill(1n), /^limit.refill.interval: is missing: it is from 1 millisec/],
    ['an interval of 0', 5n, refill(1n, 0n), /^limit.refill.interval: .*but is 0 s/],
    ['half a millisecond', 5n, refill(1n, 500_000n), /^limit.refill.interval: /],
    ['1.5 milliseconds', 5n, refill(1n, 1_500_000n), /^limit.refill.interval: .*whole millisec/],
    ['over 31 days', 5n, refill(1n, 31n * DAY + 1_000_000n), /^limit.refill.interval: /],
    ['a burst of 0', 0n, refill(1n, SECOND), /^limit.maximum: must be 1 or more/],
    ['a burst below 0', -1n, refill(1n, SECOND), /^limit.maximum: must be from 0 to /],
    ['a burst of 2^53', MAX + 1n, refill(1n, SECOND), /^limit.maximum: must be from 0 to /],
    ['a burst of int64', 2n ** 63n - 1n, refill(1n, SECOND), /^limit.maximum: must be from 0 to/],
    ['what is not exact', MAX, refill(7n, DAY), /^limit.refill: cannot be counted exactly/],
  ])('refuse %s and nothing else of it', (_, maximum, window, words) => {
    const faults = faultsOf({ window, maximum });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(words);
  });
});

describe('the rules for concurrency', () => {
  it('take a hold to mean it', () => {
    expect(check({ window: hold(30n * SECOND), maximum: 2n })).toMatchObject({
      value: { unit: 'requests', algorithm: { kind: 'concurrency', holdMs: 30_000 } },
    });
  });

  it.each([
    ['no time', hold(), /^limit.hold.ttl: is missing: it is from 1 second to 24 hours/],
    ['half a second', hold(SECOND / 2n), /^limit.hold.ttl: must be from 1 second to 24 hours/],
    ['more than a day', hold(DAY + 1_000_000n), /^limit.hold.ttl: must be from 1 second/],
    ['less than nothing', hold(-SECOND), /^limit.hold.ttl: must be from 1 second/],
  ])('refuse %s', (_, window, words) => {
    const faults = faultsOf({ window });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(words);
  });

  it.each(['tokens', 'nano_usd'] as const)('refuse to count %s', (unit) => {
    const faults = faultsOf({ unit, window: hold(SECOND) });
    expect(faults).toEqual([expect.stringMatching(/^limit.unit: must be UNIT_REQUESTS, since/)]);
  });
});

describe('the rules for algorithms and windows', () => {
  it.each([
    ['token_bucket', month, /TOKEN_BUCKET needs a refill, but there is a calendar; .*FIXED_WINDOW/],
    ['token_bucket', hold(SECOND), /needs a refill, but there is a hold; .*ALGORITHM_CONCURRENCY/],
    ['concurrency', refill(1n, SECOND), /needs a hold, but there is a refill/],
    ['concurrency', { kind: 'duration', nanos: SECOND }, /needs a hold, but there is a duration/],
    ['sliding_window', month, /needs a duration, but there is a calendar/],
    ['sliding_window', refill(1n, SECOND), /needs a duration, but there is a refill/],
    ['fixed_window', hold(SECOND), /needs a duration or a calendar, but there is a hold/],
  ] as const)('refuse %s with another window', (algorithm, window, words) => {
    const faults = faultsOf({ algorithm, window });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(/^limit.algorithm: /);
    expect(faults[0]).toMatch(words);
  });

  it.each([
    ['default', /^limit.duration: is missing: give a duration, a calendar, a refill or a hold/],
    ['fixed_window', /^limit.duration: is missing/],
    ['token_bucket', /^limit.refill: is missing: say how much comes back/],
    ['concurrency', /^limit.hold: is missing: say how long/],
  ] as const)('ask for the window of %s', (algorithm, words) => {
    const faults = faultsOf({ algorithm, window: undefined });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(words);
  });

  it.each(['requests', 'tokens', 'nano_usd'] as const)('count %s in every window', (unit) => {
    for (const window of [limitDraft().window, month, refill(1n, SECOND)])
      expect(check({ unit, window })).toMatchObject({ value: { unit } });
  });

  it('refuse a fail mode that does not exist', () => {
    expect(faultsOf({ onUnavailable: 'unknown' })).toEqual([
      'limit.on_unavailable: must be FALLBACK_DENY or FALLBACK_ALLOW',
    ]);
    expect(check({ onUnavailable: 'allow' })).toMatchObject({ value: { onUnavailable: 'allow' } });
  });

  it('count in all regions together, unless they say that each counts apart', () => {
    expect(check({})).toMatchObject({ value: { scope: 'global' } });
    expect(check({ scope: 'region' })).toMatchObject({ value: { scope: 'region' } });
    expect(faultsOf({ scope: 'unknown' })).toEqual([
      'limit.scope: must be SCOPE_GLOBAL or SCOPE_REGION',
    ]);
  });
});

describe('the rules for groups', () => {
  it('keep the keys in one order, whatever the order was, and a cap', () => {
    const groupBy = ['label:b', 'model', 'label:a', 'virtual_key', 'customer', 'team', 'provider'];
    const keys = ['virtual_key', 'team', 'customer', 'provider', 'model', 'label:a', 'label:b'];
    expect(check({ groupBy })).toMatchObject({ value: { groupBy: { keys, groupsMax: 10_000 } } });
    const capped = check({ groupBy: ['model'], groupsMax: 10_000_000 });
    expect(capped).toMatchObject({ value: { groupBy: { groupsMax: 10_000_000 } } });
  });

  it.each([
    ['an unknown key', ['colour'], /^limit.group_by\[0\]: must be .* label:NAME, but is "colour"/],
    ['an empty key', [''], /^limit.group_by\[0\]: must be virtual_key/],
    ['a label without a name', ['label:'], /^limit.group_by\[0\]: must not be empty/],
    ['a label that is too long', [`label:${'é'.repeat(129)}`], /at most 256 bytes/],
    ['a label of a megabyte', [`label:${'x'.repeat(1_048_576)}`], /at most 256 bytes/],
    ['a label with a NUL', ['label:a\0'], /control characters/],
    ['a key twice', ['model', 'label:a', 'model'], /group_by\[2\]: "model" is there already/],
    [
      'nine keys',
      Array.from({ length: 9 }, (_, i) => `label:${i}`),
      /group_by: must have at most 8/,
    ],
  ])('refuse %s', (_, groupBy, words) => {
    const faults = faultsOf({ groupBy });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(words);
    expect(faults[0]?.length).toBeLessThan(300);
  });

  it.each([0, 10_000_001, 4_294_967_295])('refuse a cap of %d', (groupsMax) => {
    expect(faultsOf({ groupBy: ['model'], groupsMax })).toEqual([
      `limit.groups_max: must be from 1 to 10000000, but is ${groupsMax}`,
    ]);
  });

  it('refuse a cap without groups', () => {
    expect(faultsOf({ groupsMax: 5 })).toEqual([
      'limit.groups_max: is for limits with a group_by only; leave it out',
    ]);
  });
});
