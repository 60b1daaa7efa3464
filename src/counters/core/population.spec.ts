import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NO_GROUP, Population } from './population.js';

describe('Population', () => {
  it('has room up to its maximum, and again when one leaves', () => {
    const population = new Population(2);
    population.join(undefined);
    expect(population.hasRoomFor(undefined)).toBe(true);
    population.join(undefined);
    expect(population).toMatchObject({ isFull: true, live: 2 });
    expect(population.hasRoomFor(undefined)).toBe(false);
    population.leave(NO_GROUP);
    expect(population.hasRoomFor(undefined)).toBe(true);
  });

  it('counts each group by itself, and forgets a group with its last member', () => {
    const step = fc.record({ group: fc.constantFrom('a', 'b', 'c', undefined), which: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const population = new Population(1_000);
        let members: { number: number; group: string | undefined }[] = [];
        steps.forEach(({ group, which }, i) => {
          const leaving = i % 3 === 2 ? members[which] : undefined;
          if (leaving === undefined) members.push({ number: population.join(group), group });
          else {
            population.leave(leaving.number);
            members = members.filter((member) => member !== leaving);
          }
          for (const name of ['a', 'b', 'c']) {
            const live = members.filter((member) => member.group === name).length;
            expect(population.hasRoomFor({ name, countersMax: live })).toBe(false);
            expect(population.hasRoomFor({ name, countersMax: live + 1 })).toBe(true);
          }
          for (const { number, group: name } of members)
            expect(population.nameOf(number)).toBe(name);
          expect(population.live).toBe(members.length);
        });
      }),
      { numRuns: 100 },
    );
  });
});
