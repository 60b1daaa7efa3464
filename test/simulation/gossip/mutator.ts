import type { Random } from '../../../src/common/random.js';

/** Bytes that mean something at the start of a message or in the middle of a map. */
const TELLING = [
  0, 1, 6, 7, 8, 9, 10, 12, 13, 0x7f, 0x80, 0x8f, 0x9f, 0xa0, 0xbf, 0xc0, 0xc4, 0xc6, 0xcf, 0xd3,
  0xd9, 0xdb, 0xdd, 0xdf, 0xf4, 0xff,
];

/** One of the ways in which bytes go wrong. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const at = random.below(input.length + 1);
  switch (random.below(7)) {
    case 0:
      return input.subarray(0, at);
    case 1:
      return withByte(input, at, (byte) => byte ^ (1 << random.below(8)));
    case 2:
      return withByte(input, at, () => TELLING[random.below(TELLING.length)] ?? 0);
    case 3:
      return joined(input.subarray(0, at), other.subarray(random.below(other.length + 1)));
    case 4:
      return joined(input.subarray(0, at), input.subarray(random.below(input.length + 1)));
    case 5:
      return joined(Uint8Array.of(random.below(16)), input);
    default:
      return Uint8Array.from({ length: random.below(64) }, () => random.below(256));
  }
}

function withByte(input: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = input.slice();
  if (at < copy.length) copy[at] = change(copy[at] ?? 0);
  return copy;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.min(65_507, a.length + b.length));
  out.set(a.subarray(0, out.length));
  out.set(
    b.subarray(0, out.length - Math.min(a.length, out.length)),
    Math.min(a.length, out.length),
  );
  return out;
}
