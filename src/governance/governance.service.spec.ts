import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  budgetDraft,
  customer,
  keyDraft,
  limitDraft,
  priceDraft,
  virtualKey,
} from '../../test/contract/policy-store-records.js';
import { matching } from '../../test/support/matching.js';
import { RecordingLog } from '../../test/support/recording-log.js';
import { Clock } from '../common/clock.js';
import { SeededRandom } from '../common/seeded-random.js';
import { type MonoMs, monoMs, type WallMs, wallMs } from '../common/time.js';
import { WeirConfig } from '../config/weir-config.js';
import type { Update } from './core/changes.js';
import { DirectoryFollower } from './directory-follower.js';
import { GovernanceService } from './governance.service.js';
import { MemoryPolicyStore } from './memory-policy-store.js';
import { PolicyAdminService } from './policy-admin.service.js';
import { PolicyWriter } from './policy-writer.js';

class SetClock extends Clock {
  nowMs = 1_000;

  wallNow(): WallMs {
    return wallMs(1_800_000_000_000 + this.nowMs);
  }

  monoNow(): MonoMs {
    return monoMs(this.nowMs);
  }
}

/** Counts what reaches the store; tells nobody of writes, as if every notice got lost. */
class QuietStore extends MemoryPolicyStore {
  reads = 0;

  override changesSince(version: bigint): Promise<Update> {
    this.reads++;
    return super.changesSince(version);
  }

  override watch(): Promise<() => Promise<void>> {
    return Promise.resolve(() => Promise.resolve());
  }
}

const UNKNOWN = { kind: 'unknown' };
const secretOf = (secret: string) => ({ kind: 'secret', secret }) as const;
const keyOf = (keyId: string) => ({ kind: 'key', keyId }) as const;

describe('governance', () => {
  let store: QuietStore;
  let clock: SetClock;
  let log: RecordingLog;

  /** A replica that has loaded what there is. Its poll is driven by hand. */
  async function replica() {
    const follower = new DirectoryFollower(store, clock, new WeirConfig(), log);
    await follower.catchUp();
    const random = new SeededRandom(store.reads + log.lines.length + clock.nowMs);
    const writer = new PolicyWriter(store, follower, clock, random);
    const admin = new PolicyAdminService(store, writer, random);
    return { follower, admin, governance: new GovernanceService(follower, clock) };
  }

  beforeEach(() => {
    store = new QuietStore();
    clock = new SetClock();
    log = new RecordingLog();
  });

  describe('of a key', () => {
    it('is known at once where it was created, by secret and by id', async () => {
      const { admin, governance } = await replica();
      const { key, secret } = await admin.createVirtualKey(keyDraft());
      expect(governance.resolve(secretOf(secret))).toMatchObject({ kind: 'found', key });
      expect(governance.resolve(secretOf(secret))).toMatchObject({ kind: 'found', key });
      expect(governance.resolve(keyOf(key.id))).toMatchObject({ kind: 'found', key });
      expect(secret).toMatch(/^wk_[0-9A-Za-z]{43}$/);
      expect(key.secretHint).toBe(secret.slice(0, 8));
    });

    it('is read through where nobody told of it, with its policies', async () => {
      const [here, there] = [await replica(), await replica()];
      const { key, secret } = await there.admin.createVirtualKey(keyDraft());
      const owner = { kind: 'virtual_key', id: key.id } as const;
      const created = await there.admin.createLimit(limitDraft({ owner }));
      const resolved = await here.governance.resolve(secretOf(secret));
      expect(resolved).toMatchObject({ kind: 'found', key });
      if (resolved.kind !== 'found') return;
      const call = { provider: '', model: '', labels: {} };
      expect(matching(resolved.chain, call).limits).toEqual([created]);
    });

    it('ends with a rotation, and the new secret works', async () => {
      const { admin, governance } = await replica();
      const { key, secret } = await admin.createVirtualKey(keyDraft());
      await governance.resolve(secretOf(secret));
      const rotated = await admin.rotateVirtualKey(key.id);
      expect(await governance.resolve(secretOf(secret))).toEqual(UNKNOWN);
      expect(governance.resolve(secretOf(rotated.secret))).toMatchObject({ kind: 'found' });
      expect(rotated.key.id).toBe(key.id);
    });

    it('leaves no secret in the store and none in the log', async () => {
      const { admin } = await replica();
      const { secret } = await admin.createVirtualKey(keyDraft());
      const plain = (_: string, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : value;
      expect(JSON.stringify(await store.loadAll(), plain)).not.toContain(secret.slice(8));
      expect(log.lines.join('\n')).not.toContain(secret.slice(8));
    });

    it('is not asked for again within a second', async () => {
      const { governance } = await replica();
      expect(await governance.resolve(secretOf('nobody'))).toEqual(UNKNOWN);
      const { reads } = store;
      for (let i = 0; i < 100; i++) expect(governance.resolve(secretOf('nobody'))).toEqual(UNKNOWN);
      expect(store.reads).toBe(reads);
      clock.nowMs += 1_000;
      expect(await governance.resolve(secretOf('nobody'))).toEqual(UNKNOWN);
      expect(store.reads).toBe(reads + 1);
    });

    it('that many ask for in vain is one read, not many', async () => {
      const { governance } = await replica();
      const { reads } = store;
      const asked = Array.from({ length: 10_000 }, async (_, i) =>
        governance.resolve(secretOf(`x${i}`)),
      );
      expect(new Set((await Promise.all(asked)).map(({ kind }) => kind))).toEqual(
        new Set(['unknown']),
      );
      expect(store.reads - reads).toBeLessThanOrEqual(2);
    });

    it('of a megabyte is unknown without a look', async () => {
      const { governance } = await replica();
      const { reads } = store;
      expect(governance.resolve(secretOf('x'.repeat(1_048_576)))).toEqual(UNKNOWN);
      expect(store.reads).toBe(reads);
    });

    it('in memory is found while the store is away; another one is UNAVAILABLE', async () => {
      const { admin, governance } = await replica();
      const { secret } = await admin.createVirtualKey(keyDraft());
      store.setReachable(false);
      expect(governance.resolve(secretOf(secret))).toMatchObject({ kind: 'found' });
      await expect(governance.resolve(secretOf('nobody'))).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      store.setReachable(true);
      expect(await governance.resolve(secretOf('nobody'))).toEqual(UNKNOWN);
    });

    it('is none without one: the root decides', async () => {
      const { admin, governance } = await replica();
      await admin.createBudget(budgetDraft({ id: 'b' }));
      const resolved = await governance.resolve({ kind: 'none' });
      expect(resolved.kind).toBe('none');
      if (resolved.kind !== 'none') return;
      const call = { provider: '', model: '', labels: {} };
      expect(matching(resolved.chain, call).budgets).toMatchObject([{ id: 'b' }]);
    });
  });

  describe('that follows', () => {
    it('takes in what others wrote between two writes of its own', async () => {
      const [here, there] = [await replica(), await replica()];
      await there.admin.createPrice(priceDraft());
      await here.admin.createCustomer({ id: 'c', name: 'Acme' });
      expect(here.governance.price('openai', 'gpt-5')).toBeDefined();
      expect(here.follower.version).toBe(2n);
      expect(there.follower.version).toBe(1n);
    });

    it('sees all own writes, however they overlap', async () => {
      const { admin, follower } = await replica();
      const names = Array.from({ length: 50 }, (_, i) => `c${i}`);
      await Promise.all(names.map((id) => admin.createCustomer({ id, name: id })));
      expect(names.every((id) => follower.directory.get('customer', id))).toBe(true);
    });

    it('keeps what it knew when the store is away, says so once, and its age grows', async () => {
      const { follower, governance, admin } = await replica();
      await admin.createPrice(priceDraft());
      await follower.catchUp();
      store.setReachable(false);
      for (let i = 0; i < 5; i++) {
        clock.nowMs += 1_000;
        await expect(follower.catchUp()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      }
      expect(governance.price('openai', 'gpt-5')).toBeDefined();
      expect(follower.lastRefreshAgeMs()).toBe(5_000);
      expect(log.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
      store.setReachable(true);
      await follower.catchUp();
      expect(follower.lastRefreshAgeMs()).toBe(0);
      expect(log.lines.filter((line) => line.startsWith('info'))).toHaveLength(1);
    });

    it('does not disturb what was derived while nothing changes', async () => {
      const { follower, governance } = await replica();
      const { epoch } = governance;
      await follower.catchUp();
      expect(governance.epoch).toBe(epoch);
    });

    it('answers a write that is committed even if it cannot look again', async () => {
      const [here, there] = [await replica(), await replica()];
      await there.admin.createCustomer({ id: 'c', name: 'Acme' });
      const written = await store.write((transaction) =>
        transaction.put('virtual_key', [virtualKey()]),
      );
      store.setReachable(false);
      await expect(here.follower.follow(written)).resolves.toBeUndefined();
    });

    it('starts over from a store that was put back to an older state', async () => {
      const { follower } = await replica();
      await store.write((transaction) => transaction.put('customer', [customer({ id: 'a' })]));
      await follower.catchUp();
      const older = new QuietStore();
      const fresh = new DirectoryFollower(older, clock, new WeirConfig(), log);
      fresh.directory.apply({
        kind: 'changes',
        version: 5n,
        changes: [{ kind: 'customer', id: 'a', record: customer({ id: 'a' }) }],
      });
      await fresh.catchUp();
      expect([fresh.version, fresh.directory.get('customer', 'a')]).toEqual([0n, undefined]);
    });
  });

  describe('of operators', () => {
    it('refuses what exists, and names it', async () => {
      const { admin } = await replica();
      await admin.createCustomer({ id: 'c', name: 'Acme' });
      await expect(admin.createCustomer({ id: 'c', name: 'Acme' })).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
        message: expect.stringContaining('customer.id: there is a customer "c" already'),
      });
      await admin.createPrice(priceDraft());
      await expect(admin.createPrice(priceDraft())).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
        message: expect.stringContaining('openai/gpt-5'),
      });
    });

    it('refuses what refers to nothing, and names the field', async () => {
      const { admin } = await replica();
      const orphans = [
        admin.createTeam({ id: '', name: 'x', customerId: 'nobody' }),
        admin.createVirtualKey(keyDraft({ teamId: 'nobody' })),
        admin.createVirtualKey(keyDraft({ customerId: 'nobody' })),
        admin.createLimit(limitDraft({ owner: { kind: 'virtual_key', id: 'nobody' } })),
        admin.createBudget(budgetDraft({ owner: { kind: 'team', id: 'nobody' } })),
      ];
      const fields = ['team.customer_id', 'virtual_key.team_id', 'virtual_key.customer_id'];
      fields.push('limit.owner.id', 'budget.owner.id');
      for (const [i, orphan] of orphans.entries()) {
        await expect(orphan).rejects.toMatchObject({
          code: 'FAILED_PRECONDITION',
          details: { violations: [{ field: fields[i] }] },
        });
      }
    });

    it('refuses to delete what is in use, and says by what', async () => {
      const { admin } = await replica();
      await admin.createCustomer({ id: 'c', name: 'Acme' });
      await admin.createTeam({ id: 't', name: 'Search', customerId: 'c' });
      await admin.createVirtualKey(keyDraft({ id: 'k', teamId: 't' }));
      await admin.createLimit(limitDraft({ id: 'l', owner: { kind: 'customer', id: 'c' } }));
      await expect(admin.delete('customer', 'c')).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        message: 'the customer "c" still has 1 team, 1 virtual key, 1 limit; delete these first',
      });
      await admin.delete('limit', 'l');
      await admin.delete('virtual_key', 'k');
      await admin.delete('team', 't');
      await admin.delete('customer', 'c');
      await expect(admin.delete('customer', 'c')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('gives a key the customer of its team, and no other', async () => {
      const { admin } = await replica();
      await admin.createCustomer({ id: 'c', name: 'Acme' });
      await admin.createCustomer({ id: 'd', name: 'Other' });
      await admin.createTeam({ id: 't', name: 'Search', customerId: 'c' });
      const { key } = await admin.createVirtualKey(keyDraft({ teamId: 't' }));
      expect(key.customerId).toBe('c');
      const wrong = admin.createVirtualKey(keyDraft({ teamId: 't', customerId: 'd' }));
      await expect(wrong).rejects.toThrow('virtual_key.customer_id: must be empty or "c"');
    });

    it('begins a policy anew where one of the same id was deleted', async () => {
      const { admin } = await replica();
      const first = await admin.createBudget(budgetDraft({ id: 'b' }));
      await admin.delete('budget', 'b');
      const second = await admin.createBudget(budgetDraft({ id: 'b' }));
      expect(second.generation).toBeGreaterThan(first.generation);
    });

    it('goes on with the revisions of a price that was deleted', async () => {
      const { admin } = await replica();
      await admin.createPrice(priceDraft({ id: 'p' }));
      await admin.delete('price', 'p');
      expect((await admin.createPrice(priceDraft({ id: 'p' }))).revision).toBe(2);
    });

    it('imports prices as a whole, and twice as once', async () => {
      const { admin, governance } = await replica();
      await admin.createPrice(priceDraft());
      const list = [priceDraft({ inputPicos: 7n }), priceDraft({ model: 'o3' })];
      expect(await admin.importPrices(list)).toEqual({ created: 1, updated: 1, unchanged: 0 });
      expect(governance.price('openai', 'gpt-5')).toMatchObject({ inputPicos: 7n, revision: 2 });
      expect(await admin.importPrices(list)).toEqual({ created: 0, updated: 0, unchanged: 2 });
      expect(await admin.importPrices([])).toEqual({ created: 0, updated: 0, unchanged: 0 });
      const bad = [
        priceDraft({ model: 'o4' }),
        priceDraft({ inputPicos: -1n }),
        list[1] ?? priceDraft(),
      ];
      const failing = admin.importPrices([...bad, priceDraft({ model: 'o3' })]);
      await expect(failing).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        details: {
          violations: [
            { field: 'prices[1].input_pico_usd_per_token' },
            { field: 'prices[3].model' },
          ],
        },
      });
      expect(governance.price('openai', 'o4')).toBeUndefined();
      const many = Array.from({ length: 10_001 }, () => priceDraft());
      await expect(admin.importPrices(many)).rejects.toThrow('at most 10000 prices');
    });

    it('names a bad id together with everything else', async () => {
      const { admin } = await replica();
      const failing = admin.createCustomer({ id: 'a b', name: '' });
      await expect(failing).rejects.toMatchObject({
        details: { violations: [{ field: 'customer.id' }, { field: 'customer.name' }] },
      });
    });

    it('changes nothing through an update that is wrong', async () => {
      const { admin } = await replica();
      const created = await admin.createLimit(limitDraft({ id: 'l' }));
      const wanted = limitDraft({ id: 'l', maximum: -1n });
      const failing = admin.update('limit', { wanted, paths: ['maximum'] });
      await expect(failing).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await admin.get('limit', 'l')).toEqual(created);
      const missing = admin.update('limit', { wanted: limitDraft({ id: 'x' }), paths: ['name'] });
      await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });
});
