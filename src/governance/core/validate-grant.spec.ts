import { describe, expect, it } from '@jest/globals';
import { grantDraft } from '../../../test/contract/policy-store-records.js';
import { wallMs } from '../../common/time.js';
import type { GrantDraft } from './drafts.js';
import { validateGrant } from './validate-grant.js';

const NOW = wallMs(1_800_000_000_000);

const check = (changes: Partial<GrantDraft>) => validateGrant(grantDraft(changes), NOW);
const fieldsOf = (changes: Partial<GrantDraft>): string[] => {
  const checked = check(changes);
  return checked.kind === 'valid' ? [] : checked.violations.map(({ field }) => field);
};

describe('the rules for grants', () => {
  it('begin now, unless told otherwise', () => {
    expect(check({ endsAtMs: NOW + 1 })).toMatchObject({
      value: { startsAt: NOW, endsAt: NOW + 1, amountNanos: 5n },
    });
  });

  it('take one that began in the past, and one that begins later', () => {
    expect(fieldsOf({ startsAtMs: 0, endsAtMs: NOW + 1 })).toEqual([]);
    expect(fieldsOf({ startsAtMs: NOW + 1, endsAtMs: NOW + 2 })).toEqual([]);
  });

  it.each([
    ['amount_nanos', { amountNanos: 0n }],
    ['amount_nanos', { amountNanos: -1n }],
    ['amount_nanos', { amountNanos: 2n ** 63n }],
    ['ends_at', { endsAtMs: undefined }],
    ['ends_at', { endsAtMs: NOW }],
    ['ends_at', { startsAtMs: 0, endsAtMs: NOW }],
    ['ends_at', { startsAtMs: NOW + 5, endsAtMs: NOW + 5 }],
    ['ends_at', { endsAtMs: NOW + 0.5 }],
    ['starts_at', { startsAtMs: -1 }],
    ['budget_id', { budgetId: '' }],
    ['budget_id', { budgetId: 'a/b' }],
    ['id', { id: '?' }],
    ['reason', { reason: ' ' }],
    ['reason', { reason: 'x'.repeat(501) }],
    ['reason', { reason: 'a\0b' }],
    ['actor', { actor: '' }],
    ['actor', { actor: '🦊'.repeat(201) }],
  ])('refuse a wrong %s: %j', (field, changes) => {
    expect(fieldsOf(changes)).toEqual([`grant.${field}`]);
  });

  it('take texts of the greatest length, in any script', () => {
    expect(fieldsOf({ reason: 'ש'.repeat(500), actor: '🦊'.repeat(200) })).toEqual([]);
  });

  it('name every fault at once', () => {
    const draft = { id: '?', budgetId: '', amountNanos: 0n, reason: '', actor: '' };
    expect(fieldsOf({ ...draft, startsAtMs: -1, endsAtMs: undefined })).toHaveLength(7);
  });
});
