/**
 * Who tells whom. Within a region every replica tells every other; between regions one replica of each does,
 * the one with the lowest name among those alive. All choose alike as soon as gossip tells them the same;
 * until then two may relay, which costs messages and miscounts nothing.
 */
import type { PeerMember } from './replication-input.js';

export interface RelayChoice {
  /** This replica tells other regions, and its own what they tell. */
  readonly isRelay: boolean;
  /** Peers to which this replica keeps a stream. */
  readonly wanted: ReadonlySet<string>;
}

export function chooseRelays(self: PeerMember, others: readonly PeerMember[]): RelayChoice {
  const lowest = new Map<string, string>([[self.region, self.id]]);
  for (const { id, region } of others)
    if (id < (lowest.get(region) ?? `${id}\uffff`)) lowest.set(region, id);
  const isRelay = lowest.get(self.region) === self.id && lowest.size > 1;
  const wanted = others.filter(
    ({ id, region }) => region === self.region || (isRelay && lowest.get(region) === id),
  );
  return { isRelay, wanted: new Set(wanted.map(({ id }) => id)) };
}
