import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { HoldHeap, NO_HOLDS } from './hold-heap.js';

const step = fc.record({
  kind: fc.constantFrom('insert', 'insert', 'remove', 'earliest', 'postpone'),
  at: fc.nat(50),
  which: fc.nat(20),
});

describe('HoldHeap', () => {
  it('is a sorted list', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const heap = new HoldHeap();
        let root = NO_HOLDS;
        let model: { id: number; endsAt: number }[] = [];
        for (const { kind, at, which } of steps) {
          const picked = model[which % Math.max(1, model.length)];
          if (kind === 'insert') {
            const id = heap.insert(root, { endsAt: at, amount: 1, counter: 7 });
            model.push({ id, endsAt: at });
          } else if (picked === undefined) continue;
          else if (kind === 'remove') {
            heap.remove(root, picked.id);
            model = model.filter((hold) => hold !== picked);
            expect(heap.find(picked.id)).toBeUndefined();
          } else if (kind === 'postpone') {
            heap.postpone(root, picked.id, at);
            picked.endsAt = at;
          } else {
            const end = heap.endOf(root);
            heap.removeEarliest(root);
            const gone = model.filter(({ id }) => heap.find(id) === undefined);
            expect(gone).toMatchObject([{ endsAt: end }]);
            model = model.filter((hold) => !gone.includes(hold));
          }
          root = heap.rootAfter;
          expect(heap.size).toBe(model.length);
          expect(root === NO_HOLDS).toBe(model.length === 0);
          if (root !== NO_HOLDS)
            expect(heap.endOf(root)).toBe(Math.min(...model.map(({ endsAt }) => endsAt)));
          for (const { id, endsAt } of model)
            expect(heap.find(id)).toEqual({ endsAt, amount: 1, counter: 7 });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never gives an old id to a new hold', () => {
    const heap = new HoldHeap();
    const first = heap.insert(NO_HOLDS, { endsAt: 1, amount: 1, counter: 0 });
    heap.remove(heap.rootAfter, first);
    const second = heap.insert(NO_HOLDS, { endsAt: 2, amount: 3, counter: 0 });
    expect(heap.find(first)).toBeUndefined();
    expect(heap.find(second)?.amount).toBe(3);
    expect(heap.find(-1)).toBeUndefined();
    expect(heap.find(12_345)).toBeUndefined();
  });

  it('keeps amounts and counters of 32 bits', () => {
    const heap = new HoldHeap();
    const hold = { endsAt: 1.8e12, amount: 0xffff_ffff, counter: 0x7fff_fffe };
    expect(heap.find(heap.insert(NO_HOLDS, hold))).toEqual(hold);
    expect(heap.amountOf(heap.rootAfter)).toBe(0xffff_ffff);
  });
});
