import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ChangedRecords } from './changed-records.js';

describe('ChangedRecords', () => {
  it('gives each record once, in the order of their first change since it was last given', () => {
    const step = fc.oneof(
      fc.record({ mark: fc.oneof(fc.nat(40), fc.constantFrom(31, 32, 40_000, 2_000_000)) }),
      fc.record({ drain: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const changed = new ChangedRecords();
        let model: number[] = [];
        for (const one of steps) {
          if ('mark' in one) {
            changed.mark(one.mark);
            if (!model.includes(one.mark)) model.push(one.mark);
          } else {
            expect(changed.drain(one.drain)).toEqual(model.slice(0, one.drain));
            model = model.slice(one.drain);
          }
          expect(changed.size).toBe(model.length);
        }
      }),
    );
  });
});
