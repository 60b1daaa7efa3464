import { beforeEach, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type {
  CheckpointSlot,
  CheckpointStore,
  SlotClaim,
} from '../../src/counters/checkpoint-store.js';
import type { CheckpointRow } from '../../src/counters/core/checkpoint.js';
import { mergeRows } from '../../src/counters/core/merge-rows.js';

/** Long after every test. */
const LATER = 4_102_444_800_000;
const KEY_CHECK = 'ab';

export interface StoreScene {
  readonly store: CheckpointStore;
  /** As if the process of the slot had not been heard of for so long. */
  silence(slot: CheckpointSlot, ms: number): Promise<void>;
  /** A silence that is not long enough, whatever a slow machine adds to it where time goes on by itself. */
  readonly bearableMs: number;
}

const claimOf = (name: string, keyCheck = KEY_CHECK): SlotClaim => ({ name, keyCheck });

const rowOf = (n: number, over: Partial<CheckpointRow> = {}): CheckpointRow => ({
  kind: 'window',
  fingerprint: n.toString(16).padStart(24, '0'),
  groupName: undefined,
  windowStart: 1_000,
  expiresAt: LATER,
  current: { taken: n, returned: 0 },
  previous: { taken: 0, returned: 0 },
  level: undefined,
  ...over,
});

const entry = fc.record({ taken: fc.nat(9), returned: fc.nat(9) });
const anyRow: fc.Arbitrary<CheckpointRow> = fc.record({
  kind: fc.constant('window' as const),
  fingerprint: fc.constantFrom(1, 2).map((n) => rowOf(n).fingerprint),
  groupName: fc.constantFrom(undefined, 'per-model'),
  isRegional: fc.constantFrom(undefined, true),
  windowStart: fc.constantFrom(1_000, 2_000, -3_000),
  expiresAt: fc.constantFrom(LATER, LATER + 60_000),
  current: entry,
  previous: entry,
  level: fc.option(
    fc.record({
      deficitUnits: fc.nat(9),
      unitsPerToken: fc.constant(7),
      at: fc.constantFrom(500, 1_500, 2_500),
    }),
    { nil: undefined },
  ),
});

export function checkpointStoreContract(make: () => Promise<StoreScene>): void {
  let scene: StoreScene;
  let store: CheckpointStore;

  beforeEach(async () => {
    scene = await make();
    store = scene.store;
  });

  async function rowsIn(slot: CheckpointSlot): Promise<readonly CheckpointRow[]> {
    const { checkpoint, next } = await store.load(slot, 100, undefined);
    expect(checkpoint.keyCheck).toBe(slot.keyCheck);
    expect(next).toBeUndefined();
    return checkpoint.rows;
  }

  const save = (slot: CheckpointSlot, ...rows: readonly CheckpointRow[]) =>
    store.save(slot, { keyCheck: KEY_CHECK, rows });

  it('has one key, that of the first to propose one', async () => {
    const first = { k0: 4_294_967_295, k1: 0 };
    expect(await store.fingerprintKey(first)).toEqual(first);
    expect(await store.fingerprintKey({ k0: 3, k1: 4 })).toEqual(first);
  });

  it('gives back what was saved, in every column', async () => {
    const slot = await store.claim(claimOf('a'));
    const huge = Number.MAX_SAFE_INTEGER;
    const window = rowOf(1, {
      groupName: 'per-model',
      windowStart: -5,
      current: { taken: huge, returned: 2 },
      previous: { taken: 3, returned: huge },
    });
    const bucket = rowOf(2, {
      kind: 'token_bucket',
      level: {
        deficitUnits: huge,
        unitsPerToken: 4_294_967_295,
        unitsPerMs: 9,
        at: 1_700_000_000_001,
      },
    });
    expect(await save(slot, bucket, window)).toBe(true);
    expect(await rowsIn(slot)).toEqual([window, bucket]);
  });

  it('merges as rows merge, whatever the order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { maxLength: 6 }), fc.uuid(), async (rows, name) => {
        const slot = await store.claim(claimOf(name));
        const expected = new Map<string, CheckpointRow>();
        for (const row of rows) {
          await save(slot, row);
          const known = expected.get(row.fingerprint);
          expected.set(row.fingerprint, known === undefined ? row : mergeRows(known, row));
        }
        expect(await rowsIn(slot)).toEqual(
          [...expected.values()].sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('loads page by page, each row once', async () => {
    const slot = await store.claim(claimOf('a'));
    await save(slot, ...[5, 3, 1, 4, 2].map((n) => rowOf(n)));
    const first = await store.load(slot, 2, undefined);
    const second = await store.load(slot, 2, first.next);
    const third = await store.load(slot, 2, second.next);
    const rows = [first, second, third].flatMap(({ checkpoint }) => checkpoint.rows);
    expect(rows).toEqual([1, 2, 3, 4, 5].map((n) => rowOf(n)));
    expect(third.next).toBeUndefined();
  });

  it('keeps the rows of two processes apart', async () => {
    const a = await store.claim(claimOf('a'));
    const b = await store.claim(claimOf('b'));
    await save(a, rowOf(1));
    await save(b, rowOf(1, { current: { taken: 7, returned: 0 } }));
    expect(await rowsIn(a)).toEqual([rowOf(1)]);
  });

  it('gives a process that comes back its slot, however soon', async () => {
    const before = await store.claim(claimOf('a'));
    await save(before, rowOf(1));
    const after = await store.claim(claimOf('a'));
    expect(after).toEqual(before);
    expect(await rowsIn(after)).toEqual([rowOf(1)]);
  });

  it('gives a new process the slot that was left last, once', async () => {
    const [first, second] = [await store.claim(claimOf('a')), await store.claim(claimOf('b'))];
    await save(second, rowOf(2));
    await scene.silence(first, 1_000);
    await store.release(first);
    await scene.silence(first, 1_000);
    await store.release(second);
    const heir = await store.claim(claimOf('c'));
    expect(heir).toEqual({ ...second, name: 'c' });
    expect(await rowsIn(heir)).toEqual([rowOf(2)]);
    expect((await store.claim(claimOf('d'))).id).toBe(first.id);
    expect([first.id, second.id]).not.toContain((await store.claim(claimOf('e'))).id);
  });

  it('takes over the slot of a process that is silent, not of one that lives', async () => {
    const slot = await store.claim(claimOf('a'));
    await scene.silence(slot, scene.bearableMs);
    const b = await store.claim(claimOf('b'));
    expect(b.id).not.toBe(slot.id);
    await save(slot);
    await scene.silence(slot, scene.bearableMs);
    await save(b);
    const c = await store.claim(claimOf('c'));
    expect([slot.id, b.id]).not.toContain(c.id);
    await scene.silence(slot, 15_100 - scene.bearableMs);
    await save(b);
    await save(c);
    expect((await store.claim(claimOf('d'))).id).toBe(slot.id);
  });

  it('tells a process whose slot was taken, and takes nothing more from it', async () => {
    const lost = await store.claim(claimOf('a'));
    await scene.silence(lost, 15_100);
    const heir = await store.claim(claimOf('b'));
    expect(await save(lost, rowOf(1))).toBe(false);
    await store.release(lost);
    expect(await rowsIn(heir)).toEqual([]);
    expect((await store.claim(claimOf('c'))).id).not.toBe(heir.id);
  });

  it('does not hand rows to a process that cannot read them', async () => {
    const slot = await store.claim(claimOf('a'));
    await save(slot, rowOf(1));
    await store.release(slot);
    const other = await store.claim(claimOf('a', 'other'));
    expect(other.id).not.toBe(slot.id);
    expect(await rowsIn(other)).toEqual([]);
  });

  it('keeps the slots of runs that count together apart, and lists them for each other', async () => {
    const run = (bootId: string): SlotClaim => ({
      ...claimOf(`weir-0:${bootId}`),
      source: { replicaId: 'weir-0', bootId, region: 'here' },
    });
    const alone = await store.claim(claimOf('a'));
    const first = await store.claim(run('1'));
    await save(first, rowOf(1, { previousStart: -7 }));
    await store.release(alone);
    await store.release(first);
    const second = await store.claim(run('2'));
    expect([alone.id, first.id]).not.toContain(second.id);
    expect(await store.others(second)).toEqual([first]);
    const { checkpoint } = await store.load(first, 10, undefined);
    expect(checkpoint).toEqual({ ...checkpoint, source: first.source });
    expect(checkpoint.rows).toEqual([rowOf(1, { previousStart: -7 })]);
    expect((await store.claim(claimOf('b'))).id).toBe(alone.id);
    expect((await store.claim(claimOf('c'))).id).not.toBe(first.id);
  });

  it('tells how many slots have rows that are of no use to another key or format', async () => {
    const slot = await store.claim(claimOf('a'));
    await store.claim(claimOf('a', 'cd'));
    expect(await store.strange(slot)).toBe(0);
    for (const name of ['b', 'c']) {
      const strange = await store.claim(claimOf(name, 'cd'));
      await store.save(strange, { keyCheck: 'cd', rows: [rowOf(1)] });
    }
    await save(slot, rowOf(1));
    expect(await store.strange(slot)).toBe(2);
  });

  it('deletes what is over, so many at a time, and nothing else', async () => {
    const slot = await store.claim(claimOf('a'));
    const over = [1, 2, 3].map((n) => rowOf(n, { expiresAt: 1_000 * n }));
    await save(slot, ...over, rowOf(4));
    expect(await store.prune(2)).toBe(2);
    expect(await store.prune(2)).toBe(1);
    expect(await store.prune(2)).toBe(0);
    expect(await rowsIn(slot)).toEqual([rowOf(4)]);
  });
}
