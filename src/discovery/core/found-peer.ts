/** A `PeerAddress` of the port, as the cores make it. */
export interface FoundPeer {
  readonly host: string;
  readonly port: number;
  readonly origin: string;
}
