import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SlabIndex } from './slab-index.js';

function all(index: SlabIndex, tag: number): number[] {
  const records = [];
  for (let record = index.seek(tag); record !== -1; record = index.seekNext(tag))
    records.push(record);
  return records.sort((a, b) => a - b);
}

const hashed = (i: number): number => Math.imul(i, 0x9e3779b1) ^ (Math.imul(i, 0x85ebca6b) << 7);

describe('SlabIndex', () => {
  it('finds what was inserted and nothing that was removed', () => {
    const tag = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(8_191, -1, -8_192));
    const change = fc.record({ tag, isRemoval: fc.boolean(), which: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const index = new SlabIndex();
        const model = new Map<number, number[]>();
        changes.forEach(({ tag: t, isRemoval, which }, record) => {
          const known = model.get(t) ?? [];
          const [removed] = isRemoval ? known.splice(which, 1) : [];
          if (removed !== undefined) index.remove(t, removed);
          if (isRemoval) return;
          index.insert(t, record);
          model.set(
            t,
            [...known, record].sort((a, b) => a - b),
          );
        });
        for (const [t, records] of model) expect(all(index, t)).toEqual(records);
      }),
    );
  });

  it('grows by splitting segments, and keeps every entry', () => {
    const index = new SlabIndex();
    for (let i = 0; i < 30_000; i++) index.insert(hashed(i), i);
    for (let i = 0; i < 30_000; i += 2) index.remove(hashed(i), i);
    for (let i = 0; i < 30_000; i++) expect(all(index, hashed(i)).includes(i)).toBe(i % 2 === 1);
    expect(index.bytes / 30_000).toBeLessThan(24);
  });

  it('refuses to remove what it does not hold', () => {
    expect(() => new SlabIndex().remove(1, 1)).toThrow(/is in the index/);
  });
});
