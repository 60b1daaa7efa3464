import { MemoryPeerRegistry, MemoryPeerSource } from '../../src/discovery/memory-peer-source.js';
import type { SelfAnnouncement } from '../../src/discovery/peer-source.js';
import { RecordingPeerListener } from '../support/recording-peer-listener.js';
import {
  type PeerSourceBench,
  peerSourceContract,
  type RunningSource,
} from './peer-source.contract.js';

class MemoryBench implements PeerSourceBench {
  private readonly registry = new MemoryPeerRegistry();

  replica(index: number): SelfAnnouncement {
    const host = `127.0.0.${11 + index}`;
    return { replicaId: `r${index}`, host, port: 7946, clusterName: 'weir', region: 'here' };
  }

  async start(self: SelfAnnouncement): Promise<RunningSource> {
    const source = new MemoryPeerSource(this.registry, self);
    const seen = new RecordingPeerListener();
    await source.start(seen);
    return {
      seen,
      stop: () => source.stop(1_000),
      kill: async () => {
        source.vanish();
        this.registry.remove(self.replicaId);
        return Promise.resolve();
      },
    };
  }

  takeAway(): Promise<void> {
    this.registry.setUp(false);
    return Promise.resolve();
  }

  bringBack(): Promise<void> {
    this.registry.setUp(true);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

peerSourceContract('MemoryPeerSource', () => Promise.resolve(new MemoryBench()), {
  leftMs: 30_000,
  killedMs: 30_000,
});
