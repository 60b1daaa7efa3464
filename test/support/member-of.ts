import type { Replica } from '../../src/cluster/replica.js';
import { wallMs } from '../../src/common/time.js';
import type { LimitScene } from './limit-scene.js';

/** A replica of a scene, as others see it in gossip. */
export const memberOf = ({ replica }: LimitScene, host: string, peer: number): Replica => ({
  name: replica.name,
  host,
  gossipPort: 0,
  state: 'alive',
  stateSince: wallMs(0),
  incarnation: 0,
  rttMs: undefined,
  routable: true,
  isSelf: false,
  facts: { ...replica.facts, ports: { grpc: 0, http: 0, peer } },
});
