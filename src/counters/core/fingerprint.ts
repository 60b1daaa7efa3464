/**
 * A name as 96 bits, so that a million counters need not keep a million names. HalfSipHash-1-3 over the
 * UTF-16 code units, with a secret key: who chooses names (a label, a model) cannot choose two that fall
 * together. Its 64 bits of output are followed by 32 more, squeezed out of the state in the same way.
 *
 * What a collision would do: two counters would count as one. Among ten million live counters the odds
 * that any two collide are below 10^-15. Replicas that exchange fingerprints, and checkpoints that keep
 * them, need the same key.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and their HalfSipHash.
 */
export interface FingerprintKey {
  /** Two unsigned 32-bit integers. */
  readonly k0: number;
  readonly k1: number;
}

/** 96 bits as three signed words. */
export interface Fingerprint {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Where a fingerprint is noted. */
interface Note {
  madeBy: object | undefined;
  a: number;
  b: number;
  c: number;
}

/** Names that are remembered. A power of two; 4096 take about 64 KiB. */
const REMEMBERED = 4_096;

/** Computes fingerprints into its own three words: one for each call would be garbage on the hot path. */
export class Fingerprinter implements Fingerprint {
  /** The fingerprint of the name that was last given: signed 32-bit integers, which need no box. */
  a = 0;
  b = 0;
  c = 0;
  /** Names seen lately, each in one of two places: a hot name costs a comparison, not a hash. */
  private readonly names: (string | undefined)[] = Array.from({ length: REMEMBERED });
  private readonly words = new Int32Array(REMEMBERED * 3);
  /**
   * A name is remembered the second time, so that names that are seen once drive out no hot ones and are
   * not kept alive for the garbage collector to copy.
   */
  private readonly seenOnce = new Int32Array(REMEMBERED);

  constructor(private readonly key: FingerprintKey) {}

  of(name: string): void {
    const place = placeOf(name);
    if (this.names[place] === name) {
      this.recall(place);
      return;
    }
    const other = place ^ 1;
    if (this.names[other] === name) {
      this.recall(other);
      return;
    }
    this.hash(name);
    if (this.seenOnce[place] === this.c) this.remember(name, place ^ (this.c & 1));
    else this.seenOnce[place] = this.c;
  }

  /** The same, without looking at the name if the note is of this fingerprinter. */
  noted(name: string, note: Note): void {
    if (note.madeBy !== this) {
      this.hash(name);
      note.a = this.a;
      note.b = this.b;
      note.c = this.c;
      note.madeBy = this;
      return;
    }
    this.a = note.a;
    this.b = note.b;
    this.c = note.c;
  }

  private recall(place: number): void {
    this.a = this.words[place * 3] ?? 0;
    this.b = this.words[place * 3 + 1] ?? 0;
    this.c = this.words[place * 3 + 2] ?? 0;
  }

  private remember(name: string, place: number): void {
    this.names[place] = name;
    this.words[place * 3] = this.a;
    this.words[place * 3 + 1] = this.b;
    this.words[place * 3 + 2] = this.c;
  }

  /** Written out flat: as calls and arrays it measured four times slower. */
  private hash(name: string): void {
    const { k0, k1 } = this.key;
    let v0 = k0 | 0;
    let v1 = k1 ^ 0xee;
    let v2 = 0x6c796765 ^ k0;
    let v3 = 0x74656462 ^ k1;
    const pairs = name.length >>> 1;
    for (let i = 0; i <= pairs; i++) {
      const word = i < pairs ? pairAt(name, i) : lastWord(name);
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    v2 ^= 0xee;
    for (let round = 1; round <= 9; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      if (round === 3) this.a = v1 ^ v3;
      else if (round === 6) this.b = v1 ^ v3;
      if (round % 3 === 0) v1 ^= 0xdd;
    }
    this.c = v1 ^ 0xdd ^ v3;
  }
}

export function fingerprintText({ a, b, c }: Fingerprint): string {
  return [a, b, c].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** The fingerprint of a text that {@link fingerprintText} wrote, or undefined. */
export function parseFingerprint(text: string): Fingerprint | undefined {
  if (!/^[0-9a-f]{24}$/.test(text)) return undefined;
  const word = (i: number): number => Number.parseInt(text.slice(8 * i, 8 * i + 8), 16) | 0;
  return { a: word(0), b: word(1), c: word(2) };
}

const pairAt = (name: string, i: number): number =>
  name.charCodeAt(2 * i) | (name.charCodeAt(2 * i + 1) << 16);

/** The length in bytes, modulo 256, above the last unit of a name of odd length. */
function lastWord(name: string): number {
  const length = name.length << 25;
  return name.length % 2 === 0 ? length : length | name.charCodeAt(name.length - 1);
}

/**
 * From about twelve units spread over the name. Cheap, and who chooses names may guess it, but all that a
 * guess can do is cost a hash: the name itself is compared.
 */
function placeOf(name: string): number {
  const step = ((name.length * 5) >>> 6) + 1;
  let mixed = name.length;
  for (let i = name.length - 1; i >= 0; i -= step)
    mixed = (Math.imul(mixed, 31) + name.charCodeAt(i)) | 0;
  return (mixed ^ (mixed >>> 12)) & (REMEMBERED - 1);
}
