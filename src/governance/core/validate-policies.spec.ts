import { describe, expect, it } from '@jest/globals';
import {
  budgetDraft,
  limitDraft,
  priceDraft,
} from '../../../test/contract/policy-store-records.js';
import type { BudgetDraft, CalendarDraft, LimitDraft } from './drafts.js';
import { validateBudget, validateLimit } from './validate-policies.js';
import { validatePrice } from './validate-price.js';
import type { Checked } from './violations.js';

const INT64_MAX = 2n ** 63n - 1n;
const isTimeZone = (name: string): boolean => ['UTC', 'Europe/Berlin'].includes(name);

const checkLimit = (changes: Partial<LimitDraft>) =>
  validateLimit(limitDraft(changes), 'limit', isTimeZone);
const checkBudget = (changes: Partial<BudgetDraft>) =>
  validateBudget(budgetDraft(changes), 'budget', isTimeZone);

const calendar = (changes: Partial<CalendarDraft> = {}): CalendarDraft => ({
  kind: 'calendar',
  unit: 'month',
  timeZone: '',
  weekStart: 0,
  anchorDay: 0,
  anchorMonth: 0,
  ...changes,
});

const fieldsOf = (checked: Checked<unknown>): string[] =>
  checked.kind === 'valid' ? [] : checked.violations.map(({ field }) => field);

const MS = 1_000_000n;
const DAY_NANOS = 86_400_000n * MS;

describe('the rules for limits', () => {
  it('fill in the defaults', () => {
    expect(checkLimit({})).toMatchObject({
      value: {
        unit: 'requests',
        algorithm: {
          kind: 'sliding_window',
          window: { kind: 'duration', durationMs: 60_000, anchorMs: 0 },
        },
        maximum: 100,
        groupBy: undefined,
        onUnavailable: 'deny',
      },
    });
  });

  it('count a calendar in fixed windows', () => {
    expect(checkLimit({ window: calendar({ unit: 'hour' }) })).toMatchObject({
      value: {
        algorithm: {
          kind: 'fixed_window',
          window: { unit: 'hour', timeZone: 'UTC', weekStart: 1, anchorDay: 1, anchorMonth: 1 },
        },
      },
    });
  });

  it('refuse a sliding window over a calendar', () => {
    const checked = checkLimit({ window: calendar(), algorithm: 'sliding_window' });
    expect(fieldsOf(checked)).toEqual(['limit.algorithm']);
  });

  it.each([0n, 1n, 9_007_199_254_740_991n])('take the maximum %d', (maximum) => {
    expect(checkLimit({ maximum })).toMatchObject({ value: { maximum: Number(maximum) } });
  });

  it.each([-1n, 9_007_199_254_740_992n, INT64_MAX, -(2n ** 63n)])(
    'refuse the maximum %d',
    (maximum) => expect(fieldsOf(checkLimit({ maximum }))).toEqual(['limit.maximum']),
  );

  it.each([
    ['1 second', 1_000n * MS],
    ['1.5 seconds', 1_500n * MS],
    ['366 days', 366n * DAY_NANOS],
  ])('take a window of %s', (_, nanos) => {
    const durationMs = Number(nanos / MS);
    expect(checkLimit({ window: { kind: 'duration', nanos } })).toMatchObject({
      value: { algorithm: { window: { durationMs } } },
    });
  });

  it.each([
    ['nothing', 0n, 'is 0 s'],
    ['1 millisecond', MS, 'is 0.001 s'],
    ['a part of a millisecond', 1_000n * MS + 1n, 'is 1.000000001 s'],
    ['366 days and a nanosecond', 366n * DAY_NANOS + 1n, 'is 31622400.000000001 s'],
    ['100 years', 36_525n * DAY_NANOS, 'is 3155760000 s'],
    ['less than nothing', -1n, 'is -0.000000001 s'],
  ])('refuse a window of %s', (_, nanos, words) => {
    const checked = checkLimit({ window: { kind: 'duration', nanos } });
    expect(checked).toMatchObject({ violations: [{ field: 'limit.duration' }] });
    expect(JSON.stringify(checked)).toContain(words);
  });

  it('name every fault at once', () => {
    const checked = checkLimit({
      name: '',
      owner: undefined,
      unit: 'unknown',
      maximum: -1n,
      algorithm: 'unknown',
      window: undefined,
      match: { providers: ['*a'], models: [''], labels: { '': 'x', a: '\0' } },
    });
    expect(new Set(fieldsOf(checked))).toEqual(
      new Set([
        'limit.duration',
        'limit.unit',
        'limit.name',
        'limit.owner.kind',
        'limit.maximum',
        'limit.algorithm',
        'limit.match.providers[0]',
        'limit.match.models[0]',
        'limit.match.labels[""]',
        'limit.match.labels["a"]',
      ]),
    );
  });

  it('refuse an id of the root, and an owner without one', () => {
    const root = checkLimit({ owner: { kind: 'root', id: 'x' } });
    expect(fieldsOf(root)).toEqual(['limit.owner.id']);
    expect(fieldsOf(checkLimit({ owner: { kind: 'team', id: '' } }))).toEqual(['limit.owner.id']);
  });

  it('bound the lists of a match, and the answer about them', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => `x${i}`);
    const match = {
      providers: many,
      models: many,
      labels: Object.fromEntries(many.map((name) => [name, name])),
    };
    const checked = checkLimit({ match });
    expect(fieldsOf(checked)).toEqual([
      'limit.match.providers',
      'limit.match.models',
      'limit.match.labels',
    ]);
    expect(JSON.stringify(checked).length).toBeLessThan(1_000);
  });

  it('bound how many faults they tell of', () => {
    const bad = Array.from({ length: 64 }, () => '\0'.repeat(200));
    const checked = checkLimit({ match: { providers: bad, models: bad, labels: {} } });
    expect(fieldsOf(checked)).toHaveLength(32);
    expect(JSON.stringify(checked)).toContain('and 96 more faults');
  });
});

describe('the rules for budgets', () => {
  it.each([0n, INT64_MAX])('take the amount %d', (amountNanos) => {
    expect(checkBudget({ amountNanos })).toMatchObject({ value: { amountNanos } });
  });

  it.each([-1n, INT64_MAX + 1n, -(2n ** 63n)])('refuse the amount %d', (amountNanos) => {
    expect(fieldsOf(checkBudget({ amountNanos }))).toEqual(['budget.amount_nanos']);
  });

  it('take a month of Berlin that begins on the 31st', () => {
    const period = calendar({ timeZone: 'Europe/Berlin', anchorDay: 31 });
    expect(checkBudget({ period })).toMatchObject({
      value: { period: { unit: 'month', timeZone: 'Europe/Berlin', anchorDay: 31 } },
    });
  });

  it.each(['minute', 'hour'] as const)('refuse a period of a %s', (unit) => {
    expect(fieldsOf(checkBudget({ period: calendar({ unit }) }))).toEqual(['budget.calendar.unit']);
  });

  it('refuse durations and nothing at all', () => {
    const period = { kind: 'duration', nanos: 60_000n * MS } as const;
    expect(fieldsOf(checkBudget({ period }))).toEqual(['budget.calendar']);
    expect(fieldsOf(checkBudget({ period: undefined }))).toEqual(['budget.calendar']);
  });

  const HOUR_NANOS = 3_600_000n * MS;

  it.each([
    ['1 hour', HOUR_NANOS],
    ['1 hour and a second', HOUR_NANOS + 1_000n * MS],
    ['3660 days', 3_660n * DAY_NANOS],
  ])('take periods of %s', (_, nanos) => {
    const period = { kind: 'fixed', nanos, anchorMs: 1_767_225_600_001 } as const;
    const durationMs = Number(nanos / MS);
    expect(checkBudget({ period })).toMatchObject({
      value: { period: { kind: 'duration', durationMs, anchorMs: 1_767_225_600_001 } },
    });
  });

  it.each([
    ['duration', undefined, undefined],
    ['duration', 0n, undefined],
    ['duration', -HOUR_NANOS, undefined],
    ['duration', HOUR_NANOS - 1n, undefined],
    ['duration', HOUR_NANOS + 1n, undefined],
    ['duration', 3_660n * DAY_NANOS + 1_000n * MS, undefined],
    ['anchor', HOUR_NANOS, 0.5],
    ['anchor', HOUR_NANOS, -1],
    ['anchor', HOUR_NANOS, Number.NaN],
    ['anchor', HOUR_NANOS, 1e18],
  ])('refuse equal periods whose %s is wrong (%s, %s)', (field, nanos, anchorMs) => {
    const period = { kind: 'fixed', nanos, anchorMs } as const;
    expect(fieldsOf(checkBudget({ period }))).toEqual([`budget.fixed.${field}`]);
  });

  it('fill in what is not said: release, deny, and 50, 80 and 100 percent', () => {
    expect(checkBudget({})).toMatchObject({
      value: {
        onExpiry: 'release',
        onUnavailable: 'deny',
        onUnpriced: 'deny',
        thresholdPercents: [50, 80, 100],
        carryOver: undefined,
      },
    });
  });

  it.each([[[1]], [[1_000]], [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]])(
    'take the thresholds %j',
    (thresholdPercents) => {
      expect(checkBudget({ thresholdPercents })).toMatchObject({ value: { thresholdPercents } });
    },
  );

  it.each([
    [[0], ['[0]']],
    [[1_001], ['[0]']],
    [[4_294_967_295], ['[0]']],
    [[80, 50], ['[1]']],
    [[50, 50], ['[1]']],
    [
      [0, 5, 5, 2_000],
      ['[0]', '[2]', '[3]'],
    ],
    [Array.from({ length: 11 }, (_, i) => i + 1), ['']],
    [Array.from({ length: 100_000 }, () => 0), ['']],
  ])('refuse wrong thresholds', (thresholdPercents, places) => {
    const checked = checkBudget({ thresholdPercents });
    expect(fieldsOf(checked)).toEqual(places.map((at) => `budget.threshold_percents${at}`));
  });

  const carry = (maxNanos: bigint, minNanos: bigint) => ({ maxNanos, minNanos, overage: true });

  it.each([carry(0n, 0n), carry(5n, 5n), carry(INT64_MAX, 0n)])(
    'carry over at most $maxNanos and at least $minNanos',
    (carryOver) => {
      expect(checkBudget({ carryOver, period: calendar() })).toMatchObject({
        value: { carryOver },
      });
    },
  );

  it.each([
    [carry(-1n, 0n), ['max_nanos']],
    [carry(5n, -1n), ['min_nanos']],
    [carry(5n, 6n), ['min_nanos']],
    [carry(INT64_MAX + 1n, 0n), ['max_nanos']],
  ])('refuse to carry over %j', (carryOver, fields) => {
    expect(fieldsOf(checkBudget({ carryOver, period: calendar() }))).toEqual(
      fields.map((field) => `budget.carry_over.${field}`),
    );
  });

  it('refuse to carry over what never ends', () => {
    const checked = checkBudget({ carryOver: carry(5n, 0n), period: { kind: 'lifetime' } });
    expect(fieldsOf(checked)).toEqual(['budget.carry_over']);
  });

  it('name every fault at once', () => {
    const checked = checkBudget({
      name: '',
      amountNanos: -1n,
      period: { kind: 'fixed', nanos: 1n, anchorMs: -1 },
      onExpiry: 'unknown',
      onUnavailable: 'unknown',
      onUnpriced: 'unknown',
      thresholdPercents: [0],
      carryOver: carry(-1n, -1n),
    });
    expect(new Set(fieldsOf(checked))).toEqual(
      new Set([
        'budget.name',
        'budget.amount_nanos',
        'budget.fixed.duration',
        'budget.fixed.anchor',
        'budget.on_expiry',
        'budget.on_unavailable',
        'budget.on_unpriced',
        'budget.threshold_percents[0]',
        'budget.carry_over.max_nanos',
        'budget.carry_over.min_nanos',
      ]),
    );
  });

  it.each([
    ['time_zone', { timeZone: 'Mars/Olympus' }],
    ['time_zone', { timeZone: 'x'.repeat(1_000_000) }],
    ['unit', { unit: undefined }],
    ['week_start', { weekStart: 1 }],
    ['week_start', { unit: 'week', weekStart: 8 }],
    ['week_start', { unit: 'week', weekStart: -1 }],
    ['anchor_day', { anchorDay: 32 }],
    ['anchor_day', { anchorDay: 4_294_967_295 }],
    ['anchor_day', { unit: 'day', anchorDay: 1 }],
    ['anchor_month', { anchorMonth: 1 }],
    ['anchor_month', { unit: 'year', anchorMonth: 13 }],
  ] as const)('refuse a calendar whose %s is wrong', (field, changes) => {
    const checked = checkBudget({ period: calendar(changes) });
    expect(fieldsOf(checked)).toEqual([`budget.calendar.${field}`]);
    expect(JSON.stringify(checked).length).toBeLessThan(400);
  });
});

describe('the rules for prices', () => {
  it('take free tokens and absent kinds', () => {
    const draft = priceDraft({ inputPicos: 0n, cachedInputPicos: undefined });
    expect(validatePrice(draft, 'price')).toMatchObject({
      value: { inputPicos: 0n, cachedInputPicos: undefined },
    });
  });

  it('name every fault at once', () => {
    const draft = priceDraft({
      provider: '',
      model: 'gpt-*',
      inputPicos: -1n,
      outputPicos: INT64_MAX + 1n,
      cachedInputPicos: -1n,
      reasoningPicos: -1n,
    });
    expect(fieldsOf(validatePrice(draft, 'prices[3]'))).toEqual([
      'prices[3].provider',
      'prices[3].model',
      'prices[3].input_pico_usd_per_token',
      'prices[3].cached_input_pico_usd_per_token',
      'prices[3].output_pico_usd_per_token',
      'prices[3].reasoning_pico_usd_per_token',
    ]);
  });
});
