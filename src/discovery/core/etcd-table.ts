/**
 * The keys below a prefix, as read once and then followed by a watch. The revision of the last thing
 * heard is where the next watch goes on, on whatever member; if it was compacted meanwhile, or the
 * store behind the address is not the one we knew (another cluster, or one restored from a backup,
 * whose revisions are behind ours: a watch from the future would wait silently), everything is read
 * again.
 */
import { peerOfEntry } from './etcd-entry.js';
import type { FoundPeer } from './found-peer.js';

/** What every answer of etcd begins with. */
export interface EtcdHeader {
  readonly clusterId: bigint;
  readonly revision: bigint;
}

export interface EtcdChange {
  readonly key: string;
  /** `undefined`: deleted, by hand or with its lease. */
  readonly value: string | undefined;
}

/** More are a prefix that others use too. */
export const ETCD_KEYS_MAX = 10_000;

export class EtcdTable {
  private peersByKey = new Map<string, FoundPeer | undefined>();
  private heard: EtcdHeader | undefined;

  /** The first revision that was not heard of; `undefined` asks for a range first. */
  get nextRevision(): bigint | undefined {
    return this.heard === undefined ? undefined : this.heard.revision + 1n;
  }

  get peers(): readonly FoundPeer[] {
    return [...this.peersByKey.values()].filter((peer) => peer !== undefined);
  }

  /** Keys whose values are not ours. */
  get foreignKeys(): readonly string[] {
    return [...this.peersByKey].flatMap(([key, peer]) => (peer === undefined ? [key] : []));
  }

  has(key: string): boolean {
    return this.peersByKey.has(key);
  }

  replace(entries: readonly EtcdChange[], header: EtcdHeader): void {
    this.peersByKey = new Map();
    this.heard = header;
    for (const entry of entries) this.put(entry);
  }

  /** Changes in their order. Answers without changes move the revision on all the same. */
  apply(changes: readonly EtcdChange[], header: EtcdHeader): void {
    for (const change of changes) this.put(change);
    this.heard = header;
  }

  /** Whether a watch from `nextRevision` would miss something on the store that says this. */
  isAnotherHistory(header: EtcdHeader): boolean {
    const { heard } = this;
    if (heard === undefined) return true;
    return header.clusterId !== heard.clusterId || header.revision < heard.revision;
  }

  /** The next watch begins with a range. */
  forgetRevision(): void {
    this.heard = undefined;
  }

  private put({ key, value }: EtcdChange): void {
    if (value === undefined) this.peersByKey.delete(key);
    else if (this.peersByKey.has(key) || this.peersByKey.size < ETCD_KEYS_MAX)
      this.peersByKey.set(key, peerOfEntry(key, value));
  }
}
