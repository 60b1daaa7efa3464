import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Fingerprinter } from './fingerprint.js';

/** The key of the published vectors of HalfSipHash: the bytes 0 to 7. */
const KEY = { k0: 0x03020100, k1: 0x07060504 };

function fingerprint(name: string, fingerprints = new Fingerprinter(KEY)): readonly number[] {
  fingerprints.of(name);
  const { a, b, c } = fingerprints;
  return [a >>> 0, b >>> 0, c >>> 0];
}

describe('Fingerprinter', () => {
  it.each([
    ['', [0x21d0a576, 0x2af72023, 0x35467209]],
    ['a', [0xde235fbe, 0x65d2e33c, 0x689d56d5]],
    ['limit-1', [0xeaf4cda1, 0x8b86dceb, 0x48d63231]],
    ['lim_01JDKX5Y3M8V2Q7R4T6W9ABCDE/3', [0x4328188c, 0x97b979e3, 0x03073c6d]],
    ['größe → 漢', [0x7a86012f, 0x070f6407, 0x8d2814ae]],
    ['😀x', [0x31ef70ab, 0x5afc6c1c, 0x3806a1fa]],
  ])('agrees on %j with an implementation in another language', (name, words) => {
    expect(fingerprint(name)).toEqual(words);
  });

  it('says the same of a name that it remembers', () => {
    const fingerprints = new Fingerprinter(KEY);
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (names) => {
        const once = names.map((name) => fingerprint(name));
        for (let time = 0; time < 3; time++)
          expect(names.map((name) => fingerprint(name, fingerprints))).toEqual(once);
      }),
      { numRuns: 20 },
    );
  });

  it('depends on every unit of the name, on its length and on the key', () => {
    const names = ['ab', 'ba', 'ab\0', 'ab\0\0', '\0ab', 'a', 'b', 'ą', 'ab'.repeat(128)];
    const all = [KEY, { k0: 1, k1: 2 }].flatMap((key) =>
      names.map((name) => fingerprint(name, new Fingerprinter(key)).join()),
    );
    expect(new Set(all).size).toBe(all.length);
  });

  it('spreads names that differ little over all of its bits', () => {
    const bits = Array.from({ length: 96 }, () => 0);
    const fingerprints = new Fingerprinter(KEY);
    for (let i = 0; i < 2_000; i++)
      fingerprint(`limit/${i}`, fingerprints).forEach((word, w) => {
        for (let bit = 0; bit < 32; bit++)
          bits[w * 32 + bit] = (bits[w * 32 + bit] ?? 0) + ((word >>> bit) & 1);
      });
    for (const set of bits) expect(Math.abs(set - 1_000)).toBeLessThan(150);
  });
});
