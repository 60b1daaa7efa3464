import { describe, expect, it } from '@jest/globals';
import {
  budget,
  budgetDraft,
  customer,
  limit,
  limitDraft,
  price,
  priceDraft,
  team,
  virtualKey,
  keyDraft,
} from '../../../test/contract/policy-store-records.js';
import { wallMs } from '../../common/time.js';
import type { DraftByKind } from './drafts.js';
import type { RecordByKind, RecordKind } from './model.js';
import { reviseRecord, toDraft, updateFields, validateDraft } from './record-rules.js';

const NOW = wallMs(2_000_000_000_000);
const isTimeZone = (): boolean => true;

function update<K extends RecordKind>(
  kind: K,
  current: RecordByKind[K],
  wanted: DraftByKind[K],
  paths: readonly string[],
): RecordByKind[K] {
  const checked = updateFields(kind, current, { wanted, paths, isTimeZone });
  if (checked.kind === 'invalid') throw new Error(JSON.stringify(checked.violations));
  return reviseRecord(kind, current, { fields: checked.value, now: NOW });
}

function refusals(kind: RecordKind, paths: readonly string[]): string {
  const current = RECORDS[kind];
  const wanted = toDraft(kind, current as never);
  return JSON.stringify(updateFields(kind, current as never, { wanted, paths, isTimeZone }));
}

const RECORDS: RecordByKind = {
  customer: customer(),
  team: team({ customerId: 'cus' }),
  virtual_key: virtualKey(),
  limit: limit(),
  budget: budget(),
  price: price(),
};

describe('an update', () => {
  it('changes the fields that the mask names and no others', () => {
    const current = virtualKey({ allowedModels: ['gpt-5'], expiresAt: wallMs(5_000) });
    const wanted = keyDraft({ name: 'Desktop', active: false });
    expect(update('virtual_key', current, wanted, ['active'])).toEqual({
      ...current,
      active: false,
      updatedAt: NOW,
    });
  });

  it('clears what is named and not given', () => {
    const current = virtualKey({ allowedModels: ['gpt-5'], expiresAt: wallMs(5_000) });
    const after = update('virtual_key', current, keyDraft(), ['allowed_models', 'expires_at']);
    expect(after).toMatchObject({ allowedModels: undefined, expiresAt: undefined });
  });

  it('is none if it says what is there already', () => {
    const current = limit();
    const paths = ['name', 'maximum', 'duration', 'match', 'shadow', 'algorithm', 'unit'];
    expect(update('limit', current, limitDraft(), paths)).toBe(current);
  });

  it('checks only what it changes against the rules, but the record as a whole', () => {
    const wanted = limitDraft({ name: '\0', algorithm: 'sliding_window' });
    const monthly = limit({
      algorithm: {
        kind: 'fixed_window',
        window: {
          kind: 'calendar',
          unit: 'month',
          timeZone: 'UTC',
          weekStart: 1,
          anchorDay: 1,
          anchorMonth: 1,
        },
      },
    });
    const checked = updateFields('limit', monthly, { wanted, paths: ['algorithm'], isTimeZone });
    expect(checked).toMatchObject({ violations: [{ field: 'limit.algorithm' }] });
  });

  it.each(Object.keys(RECORDS) as RecordKind[])('of a %s needs a mask', (kind) => {
    expect(refusals(kind, [])).toContain('must name the fields to change');
  });

  it.each([
    ['customer', 'id'],
    ['customer', 'created_at'],
    ['team', 'customer_id'],
    ['virtual_key', 'secret'],
    ['virtual_key', 'secret_hint'],
    ['limit', 'owner'],
    ['limit', 'owner.id'],
    ['budget', 'owner'],
    ['price', 'provider'],
    ['price', 'revision'],
  ] as const)('of a %s refuses %s and says why', (kind, path) => {
    expect(refusals(kind, [path])).toContain('cannot be changed: ');
  });

  it.each(['*', 'nmae', 'constructor', '__proto__', '', 'match.labels.team'])(
    'refuses the path %j',
    (path) => expect(refusals('limit', [path])).toContain('is no field that can be changed'),
  );

  it('answers a mask of a megabyte, or of ten thousand paths, in a line', () => {
    expect(refusals('limit', ['x'.repeat(1_048_576)]).length).toBeLessThan(600);
    expect(refusals('limit', Array<string>(10_000).fill('x')).length).toBeLessThan(600);
  });

  it('refuses a window that is named and not given', () => {
    expect(refusals('limit', ['calendar'])).toContain('limit.calendar is not given');
    expect(refusals('budget', ['calendar'])).toContain('budget.calendar is not given');
  });

  it('changes one part of a match', () => {
    const current = limit({ match: { providers: ['a'], models: ['b'], labels: { c: 'd' } } });
    const wanted = limitDraft({ match: { providers: [], models: ['e'], labels: {} } });
    expect(update('limit', current, wanted, ['match.models']).match).toEqual({
      providers: ['a'],
      models: ['e'],
      labels: { c: 'd' },
    });
  });
});

describe('the generation of a policy', () => {
  const hour = { kind: 'duration', nanos: 3_600_000_000_000n } as const;

  it.each([
    ['duration', limitDraft({ window: hour })],
    ['algorithm', limitDraft({ algorithm: 'fixed_window' })],
    ['unit', limitDraft({ unit: 'tokens' })],
    ['group_by', limitDraft({ groupBy: ['model'] })],
    ['scope', limitDraft({ scope: 'region' })],
  ])('rises with the %s of a limit', (path, wanted) => {
    expect(update('limit', limit(), wanted, [path]).generation).toBe(2);
  });

  it.each([
    ['maximum', limitDraft({ maximum: 10n })],
    ['shadow', limitDraft({ shadow: true })],
    ['name', limitDraft({ name: 'other' })],
    ['match', limitDraft({ match: { providers: ['a'], models: [], labels: {} } })],
    ['duration', limitDraft()],
    ['on_unavailable', limitDraft({ onUnavailable: 'allow' })],
  ])('stays with the %s of a limit', (path, wanted) => {
    expect(update('limit', limit(), wanted, [path]).generation).toBe(1);
  });

  it('rises with the time zone', () => {
    const calendar = {
      kind: 'calendar',
      unit: 'day',
      timeZone: 'UTC',
      weekStart: 0,
      anchorDay: 0,
      anchorMonth: 0,
    } as const;
    const daily = update('limit', limit(), limitDraft({ window: calendar, algorithm: 'default' }), [
      'calendar',
      'algorithm',
    ]);
    expect(daily).toMatchObject({ generation: 2, algorithm: { kind: 'fixed_window' } });
    const wanted = limitDraft({ window: { ...calendar, timeZone: 'Asia/Tokyo' } });
    expect(update('limit', daily, wanted, ['calendar']).generation).toBe(3);
  });

  const bucket = limit({ algorithm: { kind: 'token_bucket', refillAmount: 10, refillMs: 1_000 } });
  const places = limit({ algorithm: { kind: 'concurrency', holdMs: 30_000 } });
  const grouped = limit({ groupBy: { keys: ['team', 'label:a', 'label:b'], groupsMax: 5 } });
  const refill = (amount: bigint) =>
    limitDraft({ window: { kind: 'refill', amount, nanos: 1_000_000_000n } });
  const hold = limitDraft({ window: { kind: 'hold', nanos: 60_000_000_000n } });

  it('stays with the rate and the burst of a bucket, which keeps its fill', () => {
    const after = update('limit', bucket, { ...refill(20n), maximum: 7n }, ['refill', 'maximum']);
    expect(after).toMatchObject({ generation: 1, maximum: 7, algorithm: { refillAmount: 20 } });
  });

  it('stays with the time of a hold', () => {
    const after = update('limit', places, hold, ['hold']);
    expect(after).toMatchObject({ generation: 1, algorithm: { holdMs: 60_000 } });
  });

  it('rises from one algorithm to another', () => {
    const wanted = { ...refill(10n), algorithm: 'token_bucket' } as const;
    expect(update('limit', limit(), wanted, ['algorithm', 'refill']).generation).toBe(2);
    const back = limitDraft({ algorithm: 'concurrency', window: hold.window });
    expect(update('limit', bucket, back, ['algorithm', 'hold']).generation).toBe(2);
  });

  it('stays with the cap of groups, and with the same keys in another order', () => {
    const wanted = limitDraft({ groupBy: ['label:b', 'team', 'label:a'], groupsMax: 9 });
    const after = update('limit', grouped, wanted, ['group_by', 'groups_max']);
    expect(after).toMatchObject({ generation: 1, groupBy: { groupsMax: 9 } });
  });

  it('rises when groups become one counter, whose cap goes with them', () => {
    const after = update('limit', grouped, limitDraft(), ['group_by']);
    expect(after).toMatchObject({ generation: 2, groupBy: undefined });
  });

  it('rises with the period of a budget, and not with its amount', () => {
    const wanted = budgetDraft({
      amountNanos: 5n,
      period: {
        kind: 'calendar',
        unit: 'month',
        timeZone: '',
        weekStart: 0,
        anchorDay: 0,
        anchorMonth: 0,
      },
    });
    expect(update('budget', budget(), wanted, ['amount_nanos']).generation).toBe(1);
    expect(update('budget', budget(), wanted, ['calendar']).generation).toBe(2);
  });
});

describe('the periods and rules of a budget', () => {
  const hours = (count: bigint, anchorMs?: number) =>
    ({ kind: 'fixed', nanos: count * 3_600_000_000_000n, anchorMs }) as const;
  const fixed = update('budget', budget(), budgetDraft({ period: hours(2n) }), ['fixed']);
  const moved = (period: ReturnType<typeof hours>) =>
    update('budget', fixed, budgetDraft({ period }), ['fixed']).generation;

  it('begin anew where the bounds move, and only there', () => {
    expect(fixed.generation).toBe(2);
    expect(moved(hours(3n))).toBe(3);
    expect(moved(hours(2n, 3_600_000))).toBe(3);
    expect(moved(hours(2n, 7_200_000))).toBe(2);
    expect(refusals('budget', ['fixed'])).toContain('budget.fixed is not given');
  });

  it('change in place, each by its path', () => {
    const carryOver = { maxNanos: 9n, minNanos: 1n, overage: true };
    const wanted = budgetDraft({
      onExpiry: 'charge_floor',
      onUnavailable: 'allow',
      onUnpriced: 'allow',
      thresholdPercents: [90],
      carryOver,
    });
    const paths = [
      'on_expiry',
      'on_unavailable',
      'on_unpriced',
      'threshold_percents',
      'carry_over',
    ];
    expect(update('budget', fixed, wanted, paths)).toEqual({
      ...fixed,
      onExpiry: 'charge_floor',
      onUnavailable: 'allow',
      onUnpriced: 'allow',
      thresholdPercents: [90],
      carryOver,
      updatedAt: NOW,
    });
    expect(update('budget', fixed, budgetDraft(), paths)).toBe(fixed);
  });

  it('take one part of a carry-over, and lose it as a whole', () => {
    const wanted = budgetDraft({ carryOver: { maxNanos: 9n, minNanos: 7n, overage: true } });
    const one = update('budget', fixed, wanted, ['carry_over.max_nanos']);
    expect(one.carryOver).toEqual({ maxNanos: 9n, minNanos: 0n, overage: false });
    const two = update('budget', one, wanted, ['carry_over.overage']);
    expect(two.carryOver).toEqual({ maxNanos: 9n, minNanos: 0n, overage: true });
    expect(update('budget', two, budgetDraft(), ['carry_over']).carryOver).toBeUndefined();
    expect(refusals('budget', ['carry_over.min_nanos'])).toContain('carry_over is not given');
  });

  it('end for ever only without a carry-over', () => {
    const carrying = { ...fixed, carryOver: { maxNanos: 9n, minNanos: 0n, overage: false } };
    const check = (paths: readonly string[]) =>
      updateFields('budget', carrying, { wanted: budgetDraft(), paths, isTimeZone });
    expect(check(['lifetime'])).toMatchObject({ violations: [{ field: 'budget.carry_over' }] });
    expect(check(['lifetime', 'carry_over'])).toMatchObject({ kind: 'valid' });
  });
});

describe('the revision of a price', () => {
  it('rises with each change, and only then', () => {
    const after = update('price', price(), priceDraft({ inputPicos: 1n }), [
      'input_pico_usd_per_token',
    ]);
    expect(after.revision).toBe(2);
    expect(update('price', price(), priceDraft(), ['input_pico_usd_per_token']).revision).toBe(1);
  });
});

describe('the team of a key', () => {
  const member = virtualKey({ teamId: 'old', customerId: 'cus' });

  it('takes its customer along', () => {
    const after = update('virtual_key', member, keyDraft({ teamId: 'new' }), ['team_id']);
    expect(after).toMatchObject({ teamId: 'new', customerId: undefined });
  });

  it('leaves the customer when the key leaves it', () => {
    const after = update('virtual_key', member, keyDraft(), ['team_id']);
    expect(after).toMatchObject({ teamId: undefined, customerId: 'cus' });
  });

  it.each([[['team_id', 'customer_id']], [['customer_id', 'team_id']]])(
    'and the customer are both taken from %j',
    (paths) => {
      const wanted = keyDraft({ teamId: 'new', customerId: 'other' });
      const after = update('virtual_key', member, wanted, paths);
      expect(after).toMatchObject({ teamId: 'new', customerId: 'other' });
    },
  );
});

describe('a record', () => {
  it.each(Object.keys(RECORDS) as RecordKind[])(
    'of kind %s passes the rules as a draft',
    (kind) => {
      const draft = toDraft(kind, RECORDS[kind] as never);
      const checked = validateDraft(kind, draft as never, { path: kind, isTimeZone });
      expect(RECORDS[kind]).toMatchObject({ ...(checked.kind === 'valid' && checked.value) });
      expect(checked.kind).toBe('valid');
    },
  );
});
