import type { Random } from './random.js';
import type { WallMs } from './time.js';

/** Crockford's base 32: no I, L, O or U, so that an id can be read over the telephone. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** What an id names, as its first letters. */
export type IdPrefix = 'cus' | 'team' | 'key' | 'lim' | 'bud' | 'price' | 'debit' | 'res' | 'grant';

/**
 * A new id: prefix, then 10 characters of time and 16 of chance, as a ULID has them, so that ids made
 * later sort later and two replicas never make the same one (80 random bits).
 */
export function newId(prefix: IdPrefix, now: WallMs, random: Random): string {
  return `${prefix}_${timePart(now)}${randomPart(random)}`;
}

function timePart(now: WallMs): string {
  let rest = Math.max(0, Math.floor(now));
  let text = '';
  for (let i = 0; i < 10; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function randomPart(random: Random): string {
  let text = '';
  for (let i = 0; i < 16; i++) text += ALPHABET.charAt(random.uint32() >>> 27);
  return text;
}
