import { describe, expect, it } from '@jest/globals';
import { assign, newRunId, planReplay } from './plan.js';

const price = (model: string) => ({
  id: '',
  provider: 'p',
  model,
  inputPicoUsdPerToken: 1n,
  outputPicoUsdPerToken: 1n,
  revision: 0,
  createdAt: undefined,
  updatedAt: undefined,
});
const request = {
  runId: 'r',
  trace: 't.csv',
  traceHash: 'abc',
  estimateFactor: 1,
  keys: 2,
  models: [],
  prices: [price('a'), price('b'), price('c')],
};

describe('planReplay', () => {
  it('lets every key meet every model', () => {
    const plan = planReplay(request);
    const pairs = Array.from({ length: 6 }, (_, row) => assign(plan, row));
    expect(new Set(pairs.map(({ keyId, model }) => `${keyId} ${model}`)).size).toBe(6);
    expect(assign(plan, 6)).toEqual(assign(plan, 0));
  });

  it('takes only the prices of the models', () => {
    const plan = planReplay({ ...request, models: ['p/c', 'p/a'] });
    expect(plan.prices.map(({ model }) => model)).toEqual(['c', 'a']);
  });

  it('knows a run begun with something else', () => {
    const fingerprints = [
      planReplay(request),
      planReplay({ ...request, keys: 3 }),
      planReplay({ ...request, traceHash: 'abd' }),
      planReplay({ ...request, models: ['p/b'] }),
    ].map(({ fingerprint }) => fingerprint);
    expect(new Set(fingerprints).size).toBe(4);
    expect(planReplay({ ...request }).fingerprint).toBe(fingerprints[0]);
  });

  it('names a model without a price', () => {
    expect(() => planReplay({ ...request, models: ['p/d'] })).toThrow(/no such line/);
    expect(() => planReplay({ ...request, models: ['q/a'] })).toThrow(/It has p\/a/);
    expect(() => planReplay({ ...request, models: ['p/a', 'p/a'] })).toThrow(/twice/);
  });
});

describe('newRunId', () => {
  it('begins with the time', () => {
    expect(newRunId(new Date('2026-08-01T09:02:03Z'), 0)).toBe('260801-090203-0000');
    expect(newRunId(new Date('2026-08-01T09:02:03Z'), 0.999999999)).toBe('260801-090203-zzzz');
  });
});
