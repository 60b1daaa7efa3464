import { describe, expect, it } from '@jest/globals';
import { OwnerKind, Unit } from '../../gen/weir/v1/common.js';
import { budget, grant, limit, virtualKey } from './policy-messages.js';

const LIMIT = {
  id: 'l',
  owner: { kind: 'OWNER_KIND_VIRTUAL_KEY', id: 'ada' },
  unit: 'UNIT_REQUESTS',
  maximum: '9007199254740993',
  duration: '1.5s',
};

describe('proto3 JSON', () => {
  it('reads a message', () => {
    expect(limit.read(LIMIT, '')).toMatchObject({
      id: 'l',
      owner: { kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id: 'ada' },
      unit: Unit.UNIT_REQUESTS,
      maximum: 9_007_199_254_740_993n,
      window: { $case: 'duration', value: { seconds: 1n, nanos: 500_000_000 } },
      shadow: false,
    });
  });

  it('writes what it reads', () => {
    expect(limit.write(limit.read(LIMIT, ''))).toMatchObject(LIMIT);
    const once = { lifetime: {}, amountNanos: '1' };
    expect(budget.write(budget.read(once, ''))).toMatchObject(once);
  });

  it('writes defaults and leaves out what is absent', () => {
    const json = virtualKey.write(virtualKey.blank());
    expect(json).toMatchObject({ id: '', active: false, teamId: '' });
    expect(json).not.toHaveProperty('expiresAt');
    expect(json).not.toHaveProperty('allowedModels');
  });

  it('reads snake_case too', () => {
    expect(virtualKey.read({ team_id: 't' }, '').teamId).toBe('t');
    expect(() => virtualKey.read({ team_id: 't', teamId: 'u' }, '')).toThrow(/given twice/);
  });

  it.each([
    [{ maxx: 1 }, /^maxx: is not a field. Known: id, /],
    [{ owner: { id: 'a', colour: 1 } }, /^owner.colour: is not a field/],
    [{ maximum: 1.5 }, /^maximum: /],
    [{ maximum: 2 ** 53 }, /string of digits/],
    [{ maximum: '9223372036854775808' }, /64 bits/],
    [{ maximum: [1] }, /whole number/],
    [{ unit: 'UNIT_APPLES' }, /must be one of UNIT_UNSPECIFIED, UNIT_REQUESTS/],
    [{ unit: 1 }, /must be one of/],
    [{ duration: '1s', calendar: {} }, /one of duration and calendar only/],
    [{ duration: '1 minute' }, /^duration: must be seconds/],
    [{ shadow: 'yes' }, /true or false/],
    [{ name: 7 }, /must be a string/],
    [{ match: { providers: 'openai' } }, /^match.providers: must be a list/],
    [{ match: { labels: { env: 1 } } }, /^match.labels.env: must be a string/],
    ['text', /must be an object/],
    [null, /must be an object/],
  ])('refuses %j', (json, why) => {
    expect(() => limit.read(json, '')).toThrow(why);
  });

  it('writes the rules of a budget, and grants', () => {
    const rules = {
      fixed: { duration: '3600s', anchor: '2026-08-03T00:00:00Z' },
      onExpiry: 'EXPIRY_POLICY_CHARGE_FLOOR',
      onUnavailable: 'FALLBACK_ALLOW',
      onUnpriced: 'FALLBACK_DENY',
      thresholdPercents: [50, 1_000],
      carryOver: { maxNanos: '9007199254740993', minNanos: '0', overage: true },
    };
    expect(budget.write(budget.read(rules, ''))).toMatchObject(rules);
    const given = { id: 'g', budgetId: 'b', amountNanos: '1', endsAt: '2026-08-03T00:00:00Z' };
    expect(grant.write(grant.read(given, ''))).toMatchObject(given);
    expect(() => budget.read({ thresholdPercents: [-1] }, '')).toThrow(/thresholdPercents\[0\]/);
    expect(() => budget.read({ onExpiry: 'FORGET' }, '')).toThrow(/EXPIRY_POLICY_RELEASE/);
  });
});
