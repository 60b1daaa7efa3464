/** Where a replica may be reached by gossip. */
export interface PeerAddress {
  /** An IPv4 or IPv6 literal, without brackets. Names are resolved by the source that has them. */
  readonly host: string;
  readonly port: number;
  /** Where it was found, for a diagnosis: `dns weir-headless`. */
  readonly origin: string;
}

/** What a source that announces (consul, etcd, mdns, udp) tells of this replica. */
export interface SelfAnnouncement {
  /** Unique in the cluster. */
  readonly replicaId: string;
  /** The address that gossip tells others; never "all interfaces". */
  readonly host: string;
  readonly port: number;
  readonly clusterName: string;
  readonly region: string;
  /** Of other protocols, by their names. */
  readonly ports?: Readonly<Record<string, number>>;
}

export interface SourceFault {
  /** What failed and what to do about it, in one line for an operator. Never a secret. */
  readonly message: string;
  /** When it will be asked again, if the source knows. */
  readonly retryAfterMs?: number;
}

export interface PeerSourceListener {
  /**
   * The whole current set, each time the source has heard it, whether or not it changed: its age is
   * what tells a quiet source from a dead one.
   */
  found(peers: readonly PeerAddress[]): void;

  /**
   * The source could not be asked, or only in part (then `found` came just before, with what there
   * is). What was found before stays.
   */
  failed(fault: SourceFault): void;
}

/** One place to look for replicas in. It proposes; whether anybody lives there is for gossip to find out. */
export abstract class PeerSource {
  /** The `cluster.discovery.type` that it serves, or `static`. */
  abstract readonly type: string;

  /**
   * Begins to look, and to announce. Never rejects because the service is away: that is told as
   * `failed`, and tried again. The listener hears nothing before this is called.
   */
  abstract start(listener: PeerSourceListener): Promise<void>;

  /**
   * Stops looking and takes the announcement back, which may take `timeoutMs` and no longer. Never
   * rejects; leaves no socket and no timer, and the listener hears nothing more.
   */
  abstract stop(timeoutMs: number): Promise<void>;
}
