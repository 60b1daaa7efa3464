import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Entry, mergeTallies, netOf, raised, type Tally, totalOf } from './tally.js';

const entry = fc.record({ taken: fc.nat(50), returned: fc.nat(50) });
const tally: fc.Arbitrary<Tally> = fc
  .dictionary(fc.constantFrom('r1/1', 'r1/2', 'r2/1', 'r3/1'), entry)
  .map((entries) => new Map(Object.entries(entries)));

const sorted = (value: Tally) => new Map([...value].sort(([a], [b]) => (a < b ? -1 : 1)));

function expectSame(a: Tally, b: Tally): void {
  expect(sorted(a)).toEqual(sorted(b));
}

describe('tallies', () => {
  it('merge in any order', () => {
    fc.assert(
      fc.property(tally, tally, (a, b) => expectSame(mergeTallies(a, b), mergeTallies(b, a))),
    );
  });

  it('merge in any grouping', () => {
    fc.assert(
      fc.property(tally, tally, tally, (a, b, c) =>
        expectSame(mergeTallies(a, mergeTallies(b, c)), mergeTallies(mergeTallies(a, b), c)),
      ),
    );
  });

  it('merge twice as once', () => {
    fc.assert(
      fc.property(tally, tally, (a, b) => {
        const once = mergeTallies(a, b);
        expectSame(mergeTallies(once, b), once);
        expectSame(mergeTallies(once, once), once);
      }),
    );
  });

  it('only rise when they merge', () => {
    fc.assert(
      fc.property(tally, tally, (a, b) => {
        const merged = mergeTallies(a, b);
        for (const [incarnation, { taken, returned }] of a) {
          expect(merged.get(incarnation)?.taken).toBeGreaterThanOrEqual(taken);
          expect(merged.get(incarnation)?.returned).toBeGreaterThanOrEqual(returned);
        }
      }),
    );
  });

  it('leave their arguments as they were', () => {
    const a: Tally = new Map([['r1/1', { taken: 1, returned: 0 }]]);
    mergeTallies(a, new Map([['r1/1', { taken: 5, returned: 2 }]]));
    expect(a.get('r1/1')).toEqual({ taken: 1, returned: 0 });
  });

  it('agree on the total however the news of each replica arrive, late, twice or out of order', () => {
    const history = fc.array(
      fc.record({ replica: fc.nat(2), take: fc.nat(9), giveBack: fc.boolean() }),
    );
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat(1_000)), (events, chance) => {
        const { news, total } = publish(events);
        const arrivals = [...news, ...news].sort(() => (chance.next().value % 3) - 1);
        const merged = arrivals.reduce<Tally>((a, b) => mergeTallies(a, b), new Map());
        expect(totalOf(merged)).toBe(total);
      }),
    );
  });

  it('are never below zero', () => {
    expect(netOf({ taken: 2, returned: 5 })).toBe(0);
    expect(totalOf(new Map([['r1/1', { taken: 2, returned: 5 }]]))).toBe(0);
    expect(totalOf(new Map())).toBe(0);
  });

  it('stop at the largest exact integer', () => {
    expect(raised(Number.MAX_SAFE_INTEGER - 1, 7)).toBe(Number.MAX_SAFE_INTEGER);
  });
});

/** What each replica says after each of its own events, and what all of them counted. */
function publish(events: readonly { replica: number; take: number; giveBack: boolean }[]) {
  const own = new Map<string, Entry>();
  const news: Tally[] = [];
  let total = 0;
  for (const { replica, take, giveBack } of events) {
    const name = `r${replica}/1`;
    const { taken, returned } = own.get(name) ?? { taken: 0, returned: 0 };
    own.set(name, { taken: taken + take, returned: returned + (giveBack ? take : 0) });
    total += giveBack ? 0 : take;
    news.push(new Map([[name, own.get(name) ?? { taken, returned }]]));
  }
  return { news, total };
}
