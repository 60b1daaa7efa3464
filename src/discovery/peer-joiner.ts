import type { PeerAddress } from './peer-source.js';

/** What discovery asks of whoever keeps the members. */
export abstract class PeerJoiner {
  /** `host:port` or `[v6]:port` of every member that is up, this replica included. */
  abstract liveAddresses(): ReadonlySet<string>;

  /** Calls whoever listens there and exchanges members; rejects with the reason in one line. */
  abstract join(peer: PeerAddress): Promise<void>;
}
