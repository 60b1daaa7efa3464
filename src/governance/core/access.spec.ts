import { describe, expect, it } from '@jest/globals';
import { virtualKey } from '../../../test/contract/policy-store-records.js';
import { wallMs } from '../../common/time.js';
import { accessDenial, isUnrestricted } from './access.js';
import type { VirtualKey } from './model.js';

const NOW = wallMs(1_000_000);
const judge = (changes: Partial<VirtualKey>, provider = 'openai', model = 'gpt-5-mini') =>
  accessDenial(virtualKey(changes), { provider, model }, NOW);

describe('access of a key', () => {
  it('is open where nothing is said', () => {
    expect(judge({})).toBeUndefined();
  });

  it('is asked of every key but those that nothing restricts', () => {
    expect(isUnrestricted(virtualKey({}))).toBe(true);
    const restricted = [
      { active: false },
      { expiresAt: wallMs(NOW + 1) },
      { allowedProviders: ['*'] },
      { allowedModels: [] },
    ];
    for (const changes of restricted) expect(isUnrestricted(virtualKey(changes))).toBe(false);
  });

  it('ends with the instant at which the key expires', () => {
    expect(judge({ expiresAt: wallMs(NOW + 1) })).toBeUndefined();
    expect(judge({ expiresAt: NOW })).toBe('KEY_EXPIRED');
  });

  it.each([
    [['*'], undefined],
    [['gpt-5*'], undefined],
    [['gpt-5-mini'], undefined],
    [['gpt-4', 'gpt-5-mini'], undefined],
    [['gpt-5'], 'MODEL_NOT_ALLOWED'],
    [['GPT-5-MINI'], 'MODEL_NOT_ALLOWED'],
    [[], 'MODEL_NOT_ALLOWED'],
  ])('with the models %j is %s', (allowedModels, denial) => {
    expect(judge({ allowedModels })).toBe(denial);
  });

  it('is closed to a call that does not say which model', () => {
    expect(judge({ allowedModels: ['gpt-5'] }, 'openai', '')).toBe('MODEL_NOT_ALLOWED');
  });

  it('tells of the first thing in the way', () => {
    const worst = { active: false, expiresAt: NOW, allowedProviders: [], allowedModels: [] };
    expect(judge(worst)).toBe('KEY_INACTIVE');
    expect(judge({ ...worst, active: true })).toBe('KEY_EXPIRED');
    const current = { ...worst, active: true, expiresAt: undefined };
    expect(judge(current)).toBe('PROVIDER_NOT_ALLOWED');
    expect(judge({ ...current, allowedProviders: ['*'] })).toBe('MODEL_NOT_ALLOWED');
  });
});
