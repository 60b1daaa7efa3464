import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseCounterName } from './counter-name.js';
import {
  groupCounterName,
  groupValues,
  isCounterOf,
  isOfVersion,
  limitCounterName,
  limitIdOf,
  NO_VALUE,
} from './group-values.js';
import { usedOf } from './take-use.js';
import { readTakes, type Take, writeTakes } from './takes.js';

const take: fc.Arbitrary<Take> = fc.record(
  {
    counterName: fc.string({ unit: 'binary' }),
    windowStart: fc.maxSafeInteger(),
    amount: fc.maxSafeNat(),
    hold: fc.record({ id: fc.maxSafeNat(), bootId: fc.string(), replicaId: fc.string() }),
  },
  { requiredKeys: ['counterName', 'windowStart', 'amount'] },
);

describe('what limits took, as text', () => {
  it('says the same when it is read again', () => {
    fc.assert(
      fc.property(fc.array(take), (takes) => expect(readTakes(writeTakes(takes))).toEqual(takes)),
    );
  });

  it.each(['{}', '[1]', '[["a"]]', '[[1,2,3]]', '[["a","b",1]]'])(
    'of another form is not understood: %s',
    (text) => expect(readTakes(text)).toEqual([]),
  );
});

describe('the counter of a group', () => {
  const value = fc.string().map((text) => text.replaceAll('\0', ''));

  it('has a name of its own for each list of values, which its limit knows again', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 2, maxLength: 2 }), value, (values, other) => {
        const named = (own: readonly string[]) =>
          groupCounterName(
            'lim/3',
            groupValues(['a', 'b'], (key) => own[key === 'a' ? 0 : 1] ?? ''),
          );
        const name = named(values);
        const changed = [values[0] ?? '', other];
        const isSame = (values[1] || NO_VALUE) === (other || NO_VALUE);
        expect(named(changed) === name).toBe(isSame);
        expect(limitIdOf(name)).toBe('lim');
        expect(isCounterOf(name, 'lim/3')).toBe(true);
        expect(isCounterOf(name, 'lim/30')).toBe(false);
        expect(isCounterOf(name, 'lim/2')).toBe(false);
      }),
    );
  });

  it('has the region in its name where each counts apart', () => {
    const limit = { id: 'lim', generation: 3, scope: 'region' } as const;
    const group = groupValues(['model'], () => 'a/b@c');
    fc.assert(
      fc.property(fc.webSegment(), (region) => {
        const name = groupCounterName(limitCounterName(limit, region), group);
        expect(isOfVersion(name, limit)).toBe(true);
        expect(isOfVersion(name, { ...limit, generation: 30 })).toBe(false);
        expect(isCounterOf(name, limitCounterName(limit, region))).toBe(true);
        expect(isCounterOf(name, limitCounterName(limit, `${region}x`))).toBe(false);
        const groupNames = ['a/b@c'];
        expect(parseCounterName(name)).toMatchObject({ limitId: 'lim', groupValues: groupNames });
        expect(limitCounterName({ ...limit, scope: 'global' }, region)).toBe('lim/3');
      }),
    );
  });

  it('is not the overflow counter, whatever the value', () => {
    const group = groupValues(['label:x'], () => 'overflow');
    expect(groupCounterName('lim/1', group)).not.toBe('lim/1\0overflow');
    expect(isCounterOf('lim/1\0overflow', 'lim/1')).toBe(true);
    expect(isCounterOf('lim/12', 'lim/1')).toBe(false);
  });
});

describe('what a limit should have counted', () => {
  const settled = { kind: 'settled', tokens: 7, amountNanos: 9 } as const;
  const untold = { ...settled, tokens: undefined };
  const released = { kind: 'released', refund: false } as const;
  const refunded = { kind: 'released', refund: true } as const;

  it.each([
    ['requests', 'fixed_window', [undefined, undefined, undefined, 0]],
    ['tokens', 'sliding_window', [7, undefined, 0, 0]],
    ['nano_usd', 'token_bucket', [9, 9, 0, 0]],
    ['requests', 'concurrency', [0, 0, 0, 0]],
  ] as const)('in %s by %s', (unit, kind, wanted) => {
    const uses = [settled, untold, released, refunded];
    expect(uses.map((use) => usedOf({ unit, algorithm: { kind } }, use))).toEqual(wanted);
  });
});
