/** memberlist's defaults for three kinds of network. */
import type { GossipTimings } from './gossip-options.js';
import { HOUR_MS } from '../../common/time.js';

export type GossipPreset = 'lan' | 'wan' | 'local';

const lan: GossipTimings = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  streamPings: true,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  awarenessMaxMultiplier: 8,
  buddySystem: true,
  pushPullIntervalMs: 30_000,
  streamTimeoutMs: 10_000,
  // memberlist never lets a dead name move; a pod that comes back with a new address must not wait.
  deadNodeReclaimMs: 30_000,
  reconnectIntervalMs: 30_000,
  reconnectTimeoutMs: 24 * HOUR_MS,
  packetBytesMax: 1_400,
  successThreshold: 3,
};

export const GOSSIP_PRESETS: Readonly<Record<GossipPreset, GossipTimings>> = {
  lan,
  wan: {
    ...lan,
    streamTimeoutMs: 30_000,
    suspicionMult: 6,
    pushPullIntervalMs: 60_000,
    probeTimeoutMs: 3_000,
    probeIntervalMs: 5_000,
    gossipNodes: 4,
    gossipIntervalMs: 500,
    gossipToTheDeadMs: 60_000,
    deadNodeReclaimMs: 60_000,
  },
  local: {
    ...lan,
    streamTimeoutMs: 1_000,
    indirectChecks: 1,
    retransmitMult: 2,
    suspicionMult: 3,
    pushPullIntervalMs: 15_000,
    probeTimeoutMs: 200,
    gossipIntervalMs: 100,
    gossipToTheDeadMs: 15_000,
    deadNodeReclaimMs: 15_000,
    reconnectIntervalMs: 15_000,
  },
};
