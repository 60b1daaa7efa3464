import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../common/seeded-random.js';
import { hashSecret, newSecret, secretHint } from './key-secret.js';
import { SecretHashes } from './secret-hashes.js';

describe('a secret', () => {
  it('has 256 bits of letters and digits', () => {
    const random = new SeededRandom(1);
    const secrets = Array.from({ length: 1_000 }, () => newSecret(random));
    for (const secret of secrets) expect(secret).toMatch(/^wk_[0-9A-Za-z]{43}$/);
    expect(new Set(secrets).size).toBe(1_000);
    expect(new Set(secrets.join('').slice(3)).size).toBe(63);
  });

  it('is found by SHA-256', () => {
    expect(hashSecret('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(secretHint('wk_abcdefgh')).toBe('wk_abcde');
  });

  it('has the same hash, remembered or not, however many are remembered', () => {
    const hashes = new SecretHashes();
    for (let i = 0; i < 120_000; i++) hashes.keep(`secret ${i}`, `kept ${i}`);
    expect(hashes.hashOf('secret 119999')).toBe('kept 119999');
    expect(hashes.hashOf('secret 0')).toBe(hashSecret('secret 0'));
  });
});
