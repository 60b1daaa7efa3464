import { describe, expect, it } from '@jest/globals';
import { RelayedSilences } from './relayed-silences.js';

describe('relayed silences', () => {
  it('are told to who has not acknowledged what came after them', () => {
    const silences = new RelayedSilences();
    expect(silences.after(0)).toBe(0);
    silences.noticed(5_000, 10);
    silences.noticed(2_000, 30);
    expect([0, 9, 10, 29, 30].map((acked) => silences.after(acked))).toEqual([
      5_000, 5_000, 2_000, 2_000, 0,
    ]);
  });

  it('are forgotten, the earliest first, where there are many', () => {
    const silences = new RelayedSilences();
    for (let n = 1; n <= 20; n++) silences.noticed(100_000 - n, n);
    expect(silences.after(0)).toBe(100_000 - 5);
    expect(silences.after(19)).toBe(100_000 - 20);
  });
});
