import { hash } from 'node:crypto';
import type { Random } from '../common/random.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PREFIX = 'wk_';
/** 62^43 is just over 2^256. */
const CHARACTERS = 43;
const HINT_CHARACTERS = 8;

/** A new secret of a virtual key. It is shown once and only its hash is kept. */
export function newSecret(random: Random): string {
  let secret = PREFIX;
  for (let i = 0; i < CHARACTERS; i++) secret += ALPHABET.charAt(random.below(ALPHABET.length));
  return secret;
}

/** Enough to recognise a secret by; 238 bits of it stay unknown. */
export const secretHint = (secret: string): string => secret.slice(0, HINT_CHARACTERS);

/**
 * SHA-256 in lower-case hexadecimal. No salt and no stretching: the secret has 256 bits of chance, so
 * there is nothing to guess, and a check must find it by its hash alone.
 */
export const hashSecret = (secret: string): string => hash('sha256', secret, 'hex');
