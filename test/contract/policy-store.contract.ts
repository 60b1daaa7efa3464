import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Change, Update } from '../../src/governance/core/changes.js';
import type { RecordByKind, RecordKind } from '../../src/governance/core/model.js';
import type { PolicyStore, Written } from '../../src/governance/policy-store.js';
import { budget, customer, grant, limit, price, team, virtualKey } from './policy-store-records.js';

/** Each test has ids of its own, so that a store may be shared between tests. */
let testNumber = 0;
const named = (name: string): string => `${name}-${testNumber}`;

const CALENDAR = {
  kind: 'calendar',
  unit: 'month',
  timeZone: 'Europe/Berlin',
  weekStart: 1,
  anchorDay: 31,
  anchorMonth: 1,
} as const;

/** What every policy store promises, whatever keeps it. */
export function policyStoreContract(where: string, makeStore: () => Promise<PolicyStore>): void {
  describe(`a policy store ${where}`, () => {
    let store: PolicyStore;

    beforeEach(async () => {
      testNumber++;
      store = await makeStore();
    });

    const put = <K extends RecordKind>(
      kind: K,
      ...records: RecordByKind[K][]
    ): Promise<Written<void>> => store.write((transaction) => transaction.put(kind, records));

    const remove = (kind: RecordKind, id: string): Promise<Written<void>> =>
      store.write((transaction) => transaction.remove(kind, id));

    const version = async (): Promise<bigint> => (await store.loadAll()).version;

    /** The records of this test. */
    const mine = ({ changes }: Update): Change[] =>
      changes.filter(({ id }) => id.endsWith(`-${testNumber}`));

    it('gives back what was put, to the last field', async () => {
      const c = customer({ id: named('c'), name: '🦊 شركة "quoted" \\ \'' });
      const t = team({ id: named('t'), customerId: c.id });
      const k = virtualKey({
        id: named('k'),
        teamId: t.id,
        customerId: c.id,
        active: false,
        expiresAt: c.updatedAt,
        allowedProviders: [],
        allowedModels: ['gpt-*', 'a,b', '{"x"}'],
      });
      const l = limit({
        id: named('l'),
        owner: { kind: 'virtual_key', id: k.id },
        match: { providers: ['*'], models: ['o3'], labels: { constructor: '"', 'a b': '' } },
        maximum: Number.MAX_SAFE_INTEGER,
        unit: 'nano_usd',
        algorithm: { kind: 'fixed_window', window: CALENDAR },
        groupBy: { keys: ['model', 'label:{"a,b"}', 'label:é'], groupsMax: 10_000_000 },
        onUnavailable: 'allow',
        scope: 'region',
        generation: 7,
        shadow: true,
      });
      const b = budget({
        id: named('b'),
        owner: { kind: 'team', id: t.id },
        amountNanos: 2n ** 63n - 1n,
        period: CALENDAR,
        onExpiry: 'charge_estimate',
        onUnavailable: 'allow',
        onUnpriced: 'allow',
        thresholdPercents: [1, 99, 1_000],
        carryOver: { maxNanos: 2n ** 63n - 1n, minNanos: 1n, overage: true },
      });
      const p = price({ id: named('p'), provider: named('openai'), inputPicos: 2n ** 63n - 1n });
      await put('customer', c);
      await put('team', t);
      await put('virtual_key', k);
      await put('limit', l);
      await put('budget', b);
      await put('price', p);
      expect(await store.get('customer', c.id)).toEqual(c);
      expect(await store.get('team', t.id)).toEqual(t);
      expect(await store.get('virtual_key', k.id)).toEqual(k);
      expect(await store.get('limit', l.id)).toEqual(l);
      expect(await store.get('budget', b.id)).toEqual(b);
      expect(await store.get('price', p.id)).toEqual(p);
    });

    it('gives back what is absent as absent', async () => {
      const k = virtualKey({ id: named('k') });
      await put('virtual_key', k);
      expect(await store.get('virtual_key', k.id)).toEqual(k);
      expect(await store.get('virtual_key', 'nobody')).toBeUndefined();
    });

    it('replaces a record that is there', async () => {
      await put('customer', customer({ id: named('c') }));
      await put('customer', customer({ id: named('c'), name: 'Other' }));
      expect(await store.get('customer', named('c'))).toMatchObject({ name: 'Other' });
    });

    it('counts writes, says what they changed, and tells of what they deleted', async () => {
      const before = await version();
      const written = await put('customer', customer({ id: named('c') }));
      expect(written.version).toBe(before + 1n);
      expect(written.changes).toEqual([
        { kind: 'customer', id: named('c'), record: customer({ id: named('c') }) },
      ]);
      const removed = await remove('customer', named('c'));
      expect(removed).toMatchObject({ version: before + 2n });
      expect(removed.changes).toEqual([{ kind: 'customer', id: named('c'), record: undefined }]);
      expect(await store.get('customer', named('c'))).toBeUndefined();
    });

    it('does not count a write that changes nothing', async () => {
      const before = await version();
      const written = await store.write((transaction) => transaction.get('customer', 'x'));
      expect(written).toEqual({ result: undefined, version: before, changes: [] });
      expect(await version()).toBe(before);
    });

    it('changes nothing if the work fails', async () => {
      const before = await version();
      const failing = store.write(async (transaction) => {
        await transaction.put('customer', [customer({ id: named('c') })]);
        throw new Error('on purpose');
      });
      await expect(failing).rejects.toThrow('on purpose');
      expect(await store.get('customer', named('c'))).toBeUndefined();
      expect(await store.changesSince(before)).toEqual({
        kind: 'changes',
        version: before,
        changes: [],
      });
    });

    it('lets one write see what the one before it did', async () => {
      await put('customer', customer({ id: named('c'), name: '' }));
      const append = (letter: string) =>
        store.write(async (transaction) => {
          const current = await transaction.get('customer', named('c'));
          const name = `${current?.name ?? ''}${letter}`;
          await transaction.put('customer', [customer({ id: named('c'), name })]);
        });
      const versions = await Promise.all(Array.from({ length: 20 }, () => append('x')));
      expect((await store.get('customer', named('c')))?.name).toBe('x'.repeat(20));
      expect(new Set(versions.map((written) => written.version)).size).toBe(20);
    });

    it('tells the transaction the version that it will have', async () => {
      const written = await store.write(async (transaction) => {
        await transaction.put('customer', [customer({ id: named('c') })]);
        return transaction.version;
      });
      expect(written.result).toBe(written.version);
    });

    it('lists in the order of ids, page by page', async () => {
      const owner = { kind: 'customer', id: named('c') } as const;
      await put('customer', customer({ id: named('c') }));
      const ids = ['b', 'B', '_', '-', '9', 'a'].map(named);
      await put('limit', ...ids.map((id) => limit({ id, owner })));
      const page = (afterId: string) => store.list('limit', { owner }, { afterId, size: 4 });
      const idsOf = (records: readonly { id: string }[]) => records.map(({ id }) => id);
      const first = idsOf(await page(''));
      const second = idsOf(await page(first.at(-1) ?? ''));
      expect(first).toEqual(['-', '9', 'B', '_'].map(named));
      expect(second).toEqual(['a', 'b'].map(named));
      expect(await page(second.at(-1) ?? '')).toEqual([]);
    });

    it('lists what a filter asks for', async () => {
      const page = { afterId: '', size: 100 };
      await put('customer', customer({ id: named('c') }), customer({ id: named('d') }));
      await put('team', team({ id: named('t'), customerId: named('c') }));
      await put(
        'virtual_key',
        virtualKey({ id: named('k'), teamId: named('t'), customerId: named('c') }),
        virtualKey({ id: named('m'), customerId: named('c') }),
      );
      await put('budget', budget({ id: named('root') }));
      await put('budget', budget({ id: named('b'), owner: { kind: 'team', id: named('t') } }));
      await put('price', price({ id: named('p'), provider: named('openai') }));
      const keys = (filter: { customerId?: string; teamId?: string }) =>
        store.list('virtual_key', filter, page).then((found) => found.map(({ id }) => id));
      expect(await keys({ customerId: named('c') })).toEqual([named('k'), named('m')]);
      expect(await keys({ teamId: named('t') })).toEqual([named('k')]);
      expect(await keys({ customerId: named('d'), teamId: named('t') })).toEqual([]);
      expect(await store.list('team', { customerId: named('c') }, page)).toHaveLength(1);
      const budgets = await store.list('budget', { owner: { kind: 'root', id: '' } }, page);
      expect(budgets.map(({ id }) => id)).toContain(named('root'));
      expect(budgets.map(({ id }) => id)).not.toContain(named('b'));
      expect(await store.list('price', { provider: named('openai') }, page)).toHaveLength(1);
    });

    it('keeps grants as they were given, and counts none as a change', async () => {
      const before = await version();
      const given = ['b', 'B', 'a'].map((name) =>
        grant({ id: named(name), budgetId: named('x'), amountNanos: 2n ** 63n - 1n }),
      );
      const other = grant({ id: named('o'), budgetId: named('y'), reason: '🦊 "\\' });
      const written = await store.write(async (transaction) => {
        expect(await transaction.getGrant(named('a'))).toBeUndefined();
        for (const each of [...given, other]) await transaction.addGrant(each);
        return transaction.getGrant(named('o'));
      });
      expect(written).toEqual({ result: other, version: before, changes: [] });
      expect(await store.getGrant(named('a'))).toEqual(given[2]);
      expect(await store.getGrant('nobody')).toBeUndefined();
      const page = (afterId: string) => store.listGrants(named('x'), { afterId, size: 2 });
      expect((await page('')).map(({ id }) => id)).toEqual(['B', 'a'].map(named));
      expect((await page(named('a'))).map(({ id }) => id)).toEqual([named('b')]);
      const all = await store.listGrants(undefined, { afterId: '', size: 1_000 });
      expect(all).toEqual(expect.arrayContaining([...given, other]));
    });

    it('gives no grant if the work fails, or if there is one of that id', async () => {
      const failing = store.write(async (transaction) => {
        await transaction.addGrant(grant({ id: named('g') }));
        throw new Error('on purpose');
      });
      await expect(failing).rejects.toThrow('on purpose');
      expect(await store.getGrant(named('g'))).toBeUndefined();
      const add = () =>
        store.write((transaction) => transaction.addGrant(grant({ id: named('g') })));
      await add();
      await expect(add()).rejects.toThrow();
    });

    it('counts what depends on a record', async () => {
      await put('customer', customer({ id: named('c') }));
      await put('team', team({ id: named('t'), customerId: named('c') }));
      await put(
        'virtual_key',
        virtualKey({ id: named('k'), teamId: named('t'), customerId: named('c') }),
      );
      await put('limit', limit({ id: named('l'), owner: { kind: 'virtual_key', id: named('k') } }));
      await put('limit', limit({ id: named('m'), owner: { kind: 'customer', id: named('c') } }));
      const { result } = await store.write(async (transaction) => [
        await transaction.countDependents('customer', named('c')),
        await transaction.countDependents('team', named('t')),
        await transaction.countDependents('virtual_key', named('k')),
        await transaction.countDependents('limit', named('l')),
      ]);
      expect(result).toMatchObject([
        { team: 1, virtual_key: 1, limit: 1, budget: 0 },
        { virtual_key: 1, limit: 0 },
        { limit: 1, budget: 0 },
        {},
      ]);
    });

    it('refuses two keys with one secret, and two prices of one name', async () => {
      const secretHash = named('hash');
      await put('virtual_key', virtualKey({ id: named('k'), secretHash }));
      await expect(
        put('virtual_key', virtualKey({ id: named('m'), secretHash })),
      ).rejects.toThrow();
      const provider = named('openai');
      await put('price', price({ id: named('p'), provider }));
      await expect(put('price', price({ id: named('q'), provider }))).rejects.toThrow();
      expect(await store.get('price', named('q'))).toBeUndefined();
    });

    it('finds prices by name, and remembers revisions of those that are gone', async () => {
      const provider = named('openai');
      await put('price', price({ id: named('p'), provider }));
      await put('price', price({ id: named('p'), provider, revision: 2, inputPicos: 5n }));
      const wanted = [
        { provider, model: 'gpt-5' },
        { provider, model: 'none' },
      ];
      const found = await store.write((transaction) => transaction.findPrices(wanted));
      expect(found.result).toMatchObject([{ id: named('p'), inputPicos: 5n }]);
      await remove('price', named('p'));
      const last = await store.write((transaction) =>
        transaction.lastRevisions([named('p'), named('q')]),
      );
      expect([...last.result]).toEqual([[named('p'), 2]]);
    });

    it('takes ten thousand prices in one write', async () => {
      const provider = named('openai');
      const prices = Array.from({ length: 10_000 }, (_, i) =>
        price({ id: named(`p${i}`), provider, model: `m${i}` }),
      );
      const before = await version();
      expect((await put('price', ...prices)).version).toBe(before + 1n);
      const { result } = await store.write((transaction) => transaction.findPrices(prices));
      expect(result).toHaveLength(10_000);
      expect((await store.changesSince(before)).changes).toHaveLength(10_000);
    });

    it('tells what changed since a version: each record once, as it is now', async () => {
      const before = await version();
      await put('customer', customer({ id: named('c'), name: 'One' }));
      await put('customer', customer({ id: named('c'), name: 'Two' }));
      await put('customer', customer({ id: named('d') }));
      await remove('customer', named('d'));
      const update = await store.changesSince(before);
      expect(update).toMatchObject({ kind: 'changes', version: before + 4n });
      expect([...update.changes].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
        {
          kind: 'customer',
          id: named('c'),
          record: customer({ id: named('c'), name: 'Two' }),
        },
        { kind: 'customer', id: named('d'), record: undefined },
      ]);
    });

    it('tells everything to who knows a version that it never had', async () => {
      await put('customer', customer({ id: named('c') }));
      const update = await store.changesSince(9_000_000_000n);
      expect(update).toMatchObject({ kind: 'everything', version: await version() });
      expect(mine(update)).toHaveLength(1);
    });

    it('loads everything, and what is referred to comes before', async () => {
      await put('customer', customer({ id: named('c') }));
      await put('team', team({ id: named('t'), customerId: named('c') }));
      const update = await store.loadAll();
      expect(update.kind).toBe('everything');
      expect(mine(update).map(({ kind }) => kind)).toEqual(['customer', 'team']);
    });

    it('tells watchers of a write, until they stop', async () => {
      let told: (() => void) | undefined;
      const heard: (bigint | undefined)[] = [];
      const stop = await store.watch((heardVersion) => {
        heard.push(heardVersion);
        told?.();
      });
      const first = new Promise<void>((resolve) => (told = resolve));
      const written = await put('customer', customer({ id: named('c') }));
      await first;
      expect(heard).toEqual([written.version]);
      await stop();
      await put('customer', customer({ id: named('d') }));
      expect(heard).toEqual([written.version]);
    });
  });
}
