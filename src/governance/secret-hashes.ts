import { hashSecret } from './key-secret.js';

const GENERATION_MAX = 50_000;

/**
 * Remembers the hashes of secrets that were good, because hashing costs as much as deciding. Two
 * generations bound it: when the young one is full it becomes the old one, and the old one is dropped, so
 * a secret in use stays. Bad secrets are never kept; a flood of them cannot push good ones out.
 */
export class SecretHashes {
  private young = new Map<string, string>();
  private old = new Map<string, string>();

  hashOf(secret: string): string {
    return this.young.get(secret) ?? this.old.get(secret) ?? hashSecret(secret);
  }

  keep(secret: string, hash: string): void {
    if (this.young.has(secret)) return;
    if (this.young.size >= GENERATION_MAX) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(secret, hash);
  }
}
