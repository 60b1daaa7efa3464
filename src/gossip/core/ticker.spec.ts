import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../common/seeded-random.js';
import { monoMs } from '../../common/time.js';
import { Ticker } from './ticker.js';

/** The times at which it ticks, when it is asked at these. */
function ticksAt(ticker: Ticker, times: readonly number[]): number[] {
  return times.filter((at) => ticker.isDue(monoMs(at)));
}

describe('ticker', () => {
  it('first ticks somewhere in its second interval, by chance', () => {
    const first = [1, 2, 3].map(
      (seed) => new Ticker(1_000, monoMs(500), new SeededRandom(seed)).deadline,
    );
    for (const at of first) expect(at >= 1_500 && at < 2_500).toBe(true);
    expect(new Set(first).size).toBe(3);
  });

  it('ticks once for a pause of many intervals, and goes on in its old rhythm', () => {
    const ticker = new Ticker(1_000, monoMs(0), new SeededRandom(1));
    const phase = ticker.deadline;
    const times = [phase, phase + 999, phase + 16_300, phase + 16_999, phase + 17_000];
    expect(ticksAt(ticker, times)).toEqual([phase, phase + 16_300, phase + 17_000]);
  });

  it('ticks at its deadline, not before, however often it is asked', () => {
    const ticker = new Ticker(200, monoMs(0), new SeededRandom(7));
    const phase = ticker.deadline;
    const early = [phase - 1, phase - 0.5];
    expect(ticksAt(ticker, [...early, phase, phase, phase + 200])).toEqual([phase, phase + 200]);
  });
});
