import { setImmediate as nextTurn } from 'node:timers/promises';
import { addressKey } from './core/address-filter.js';
import { PeerJoiner } from './peer-joiner.js';
import type { PeerAddress } from './peer-source.js';

/** For tests: whoever answers becomes a member at once. */
export class MemoryPeerJoiner extends PeerJoiner {
  readonly live = new Set<string>();
  /** Every call that was made, in its order. */
  readonly calls: string[] = [];

  /** `answers` says who would answer. */
  constructor(private readonly answers: ReadonlySet<string>) {
    super();
  }

  liveAddresses(): ReadonlySet<string> {
    return this.live;
  }

  /** No answer comes in the turn of the call: thousands of them would let nothing else have its turn. */
  async join({ host, port }: PeerAddress): Promise<void> {
    const key = addressKey(host, port);
    this.calls.push(key);
    await nextTurn();
    if (!this.answers.has(key)) throw new Error('connection refused');
    this.live.add(key);
  }
}
