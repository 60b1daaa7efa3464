/**
 * Who tells whom. Within a region every replica tells every other; between regions one replica of each does,
 * the one with the lowest name among those alive. All choose alike as soon as gossip tells them the same;
 * until then two may relay, which costs messages and miscounts nothing. Who is refused for its settings tells
 * nobody anything, and does not relay either (ADR 0128).
 */
import type { PeerMember } from './replication-input.js';

export interface RelayChoice {
  /** This replica tells other regions, and its own what they tell. */
  readonly isRelay: boolean;
  /** Peers to which this replica keeps a stream. */
  readonly wanted: ReadonlySet<string>;
}

export function chooseRelays(
  self: PeerMember,
  others: readonly PeerMember[],
  isRefused: (id: string) => boolean,
): RelayChoice {
  const lowest = new Map<string, string>([[self.region, self.id]]);
  for (const { id, region } of others)
    if (!isRefused(id) && id < (lowest.get(region) ?? LAST)) lowest.set(region, id);
  const hasOthers = others.some(({ region }) => region !== self.region);
  const isRelay = lowest.get(self.region) === self.id && hasOthers;
  // Those before the relay of their region are refused, which has to be seen and may be mended.
  const wanted = others.filter(
    ({ id, region }) => region === self.region || (isRelay && id <= (lowest.get(region) ?? LAST)),
  );
  return { isRelay, wanted: new Set(wanted.map(({ id }) => id)) };
}

/** After every name. */
const LAST = '\uffff';
