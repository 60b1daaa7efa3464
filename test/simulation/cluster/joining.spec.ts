/** Goal: a replica is ready no sooner than it had time to hear what others have counted. */
import { describe, expect, it } from '@jest/globals';
import { ReplicationMachine } from '../../../src/cluster/core/replication-machine.js';
import { REPLICATION_DEFAULTS } from '../../../src/cluster/core/replication-options.js';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { monoMs, wallMs } from '../../../src/common/time.js';
import { ReplicatedCounterEngine } from '../../../src/counters/replicated-counter-engine.js';
import { EPOCH, KEY } from './simulated-replicas.js';

const WAIT_MS = REPLICATION_DEFAULTS.joinWaitMs;
const self = { replicaId: 'a', bootId: 'b1', region: 'eu' };

/** A machine that nobody ever answers, and when it said that it has joined. */
class Lonely {
  private readonly machine = new ReplicationMachine(
    { ...REPLICATION_DEFAULTS, cluster: 'sim', self, settings: new Map() },
    new ReplicatedCounterEngine({ liveMax: 100 }, KEY, self).store,
    new SeededRandom(1),
  );
  private nowMs = 0;
  readonly joinedAt: number[] = [];

  constructor() {
    this.give({ kind: 'start' });
  }

  meet(id: string): void {
    this.give({ kind: 'memberAlive', member: { id, region: 'eu' } });
  }

  runTo(endMs: number): void {
    for (; this.nowMs < endMs; this.nowMs += 10) this.give({ kind: 'tick' });
  }

  private give(input: Parameters<ReplicationMachine['handle']>[0]): void {
    const now = { mono: monoMs(this.nowMs), wall: wallMs(EPOCH + this.nowMs) };
    for (const effect of this.machine.handle(input, now))
      if (effect.kind === 'joined') this.joinedAt.push(Math.round(this.nowMs / 100) * 100);
  }
}

describe('a replica that joins', () => {
  it('waits for a peer that it has met late as long as for one that it has met early', () => {
    const lonely = new Lonely();
    lonely.runTo(WAIT_MS - 100);
    lonely.meet('b');
    lonely.runTo(WAIT_MS);
    lonely.meet('c');
    lonely.runTo(3 * WAIT_MS);
    expect(lonely.joinedAt).toEqual([2 * WAIT_MS - 100]);
  });

  it('is ready alone when it has met nobody, and waits again once it has', () => {
    const lonely = new Lonely();
    lonely.runTo(WAIT_MS + 200);
    lonely.meet('b');
    lonely.runTo(3 * WAIT_MS);
    expect(lonely.joinedAt).toEqual([WAIT_MS, 2 * WAIT_MS + 200]);
  });
});
