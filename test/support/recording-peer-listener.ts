import type {
  PeerAddress,
  PeerSourceListener,
  SourceFault,
} from '../../src/discovery/peer-source.js';
import { eventually } from './eventually.js';

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

  /** Waits until the last answer has these `host:port`, sorted, and no others. */
  async shows(addresses: readonly string[], deadlineMs = 60_000): Promise<void> {
    const wanted = addresses.join();
    const what = (): string =>
      `[${wanted}] is found; there is [${this.current.join()}], last fault: ${this.faults.at(-1)?.message}`;
    await eventually(what, () => this.current.join() === wanted, deadlineMs);
  }

  /** Waits for a fault in these words; on a slow machine others may come before it. */
  async tells(words: RegExp): Promise<void> {
    const isTold = (): boolean => this.faults.some(({ message }) => words.test(message));
    await eventually(`${String(words)} is told`, isTold, 60_000);
  }

  /** The last answer, as sorted `host:port`. */
  get current(): readonly string[] {
    return (this.answers.at(-1) ?? []).map(({ host, port }) => `${host}:${port}`).sort();
  }
}
