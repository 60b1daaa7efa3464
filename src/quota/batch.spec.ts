import { describe, expect, it } from '@jest/globals';
import { runBatch, settleAll } from './batch.js';

const fulfilled = (value: unknown) => ({ status: 'fulfilled', value });
const rejected = (reason: unknown) => ({ status: 'rejected', reason });
const even = (n: number): number => {
  if (n % 2 === 1) throw new RangeError(`${n} is odd`);
  return n;
};

describe('settleAll', () => {
  it('answers without a promise if no step had to wait', () => {
    expect(settleAll([2, 3, 4], even)).toEqual([
      fulfilled(2),
      rejected(new RangeError('3 is odd')),
      fulfilled(4),
    ]);
  });

  it('keeps places if some had to wait, and begins each step without waiting for others', async () => {
    const begun: number[] = [];
    const step = (n: number): number | Promise<number> => {
      begun.push(n);
      if (n < 3) return n;
      return n === 3 ? Promise.resolve(n) : Promise.reject(new RangeError('late'));
    };
    const outcomes = settleAll([4, 1, 3, 2], step);
    expect(begun).toEqual([4, 1, 3, 2]);
    expect(await outcomes).toEqual([
      rejected(new RangeError('late')),
      fulfilled(1),
      fulfilled(3),
      fulfilled(2),
    ]);
  });
});

describe('runBatch', () => {
  const steps = (run: (calls: readonly number[]) => ReturnType<typeof settleAll<number, number>>) =>
    runBatch(['2', 'x', '4'], {
      parse: (text) => {
        if (text === 'x') throw new SyntaxError(text);
        return Number(text);
      },
      run,
    });

  it('runs what could be parsed, in order, and puts each answer in the place of its item', async () => {
    const expected = [fulfilled(20), rejected(new SyntaxError('x')), fulfilled(40)];
    expect(steps((calls) => settleAll(calls, (n) => n * 10))).toEqual(expected);
    expect(await steps((calls) => settleAll(calls, async (n) => n * 10))).toEqual(expected);
  });
});
