import type {
  PeerAddress,
  PeerSourceListener,
  SourceFault,
} from '../../src/discovery/peer-source.js';

/** Keeps what a source has said. */
export class RecordingPeerListener implements PeerSourceListener {
  /** Most recent last. */
  readonly answers: (readonly PeerAddress[])[] = [];
  readonly faults: SourceFault[] = [];

  found(peers: readonly PeerAddress[]): void {
    this.answers.push(peers);
  }

  failed(fault: SourceFault): void {
    this.faults.push(fault);
  }

  /** The last answer, as sorted `host:port`. */
  get current(): readonly string[] {
    return (this.answers.at(-1) ?? []).map(({ host, port }) => `${host}:${port}`).sort();
  }
}
