import { describe, expect, it } from '@jest/globals';
import { MemoryPolicyStore } from '../../src/governance/memory-policy-store.js';
import { policyStoreContract } from './policy-store.contract.js';
import { customer } from './policy-store-records.js';

policyStoreContract('in memory', () => Promise.resolve(new MemoryPolicyStore()));

describe('the twin', () => {
  it('tells everything to who lags behind what it still knows', async () => {
    const store = new MemoryPolicyStore();
    for (const id of ['a', 'b', 'c']) {
      await store.write((transaction) => transaction.put('customer', [customer({ id })]));
    }
    store.prune(2n);
    expect(await store.changesSince(1n)).toMatchObject({ kind: 'everything' });
    expect(await store.changesSince(2n)).toMatchObject({ kind: 'changes', version: 3n });
  });
});
