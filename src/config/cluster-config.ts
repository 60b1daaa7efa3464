import { ClusterGrpcConfig } from './cluster-grpc-config.js';
import { DiscoveryConfig } from './discovery-config.js';
import { GossipConfig } from './gossip-config.js';
import { Block, FlagKnob, IntegerKnob, ListKnob, TextKnob } from './knob.js';

/** `host`, `host:port` or `[v6]:port`; whether the host exists is seen when it is called. */
const isPeer = (text: string): boolean =>
  /^(\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9._-]*)(:\d{1,5})?$|^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(
    text,
  );

/** Several replicas that count together. The keys are those of Bifrost's `cluster` block. */
export class ClusterConfig {
  /** Whether this replica is one of several. Default false. */
  @FlagKnob({
    effect: 'Makes this replica one of several that count together; needs a shared PostgreSQL.',
  })
  readonly enabled: boolean = false;

  /** Which cluster; the gossip of another one is not understood. Default weir. */
  @TextKnob({
    unit: 'name',
    effect: 'Replicas of another name are no peers; it is the label of the gossip.',
  })
  readonly name: string = 'weir';

  /** Name of this replica. Default: the host's name and a word that is new at each start. */
  @TextKnob({
    unit: 'name, unique in the cluster',
    effect:
      "Name of this replica. Without it, the host's name and a word that is new at each start.",
    aliases: ['nodeId'],
  })
  readonly nodeName?: string;

  /** Where this replica stands. Default: the region called default. */
  @TextKnob({
    unit: 'name',
    effect: 'Region of this replica; within one, counts are exchanged at once.',
  })
  readonly region: string = 'default';

  /** Addresses of others, whether or not discovery finds more. Default: none. */
  @ListKnob({
    unit: 'host, host:port or [v6]:port',
    effect: 'Replicas to call at the start, and again while nobody is up there.',
    item: isPeer,
  })
  readonly peers: readonly string[] = [];

  /** Milliseconds for which counts are gathered before they are told. Default 50. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 1,
    max: 60_000,
    effect: 'How long counts are gathered before peers are told; it bounds over-admission.',
  })
  readonly syncIntervalMs: number = 50;

  /** The same between regions. Default 500. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 1,
    max: 600_000,
    effect: 'How long counts are gathered before other regions are told.',
  })
  readonly regionSyncIntervalMs: number = 500;

  /** Whether what is nearly used up is told at once. Default true. */
  @FlagKnob({
    effect: 'Tells peers at once of a limit of which little is left; it lowers over-admission.',
  })
  readonly earlyFlush: boolean = true;

  /** Milliseconds that a call may wait for news of a limit that may be used up. Default 50; 0: it does not wait. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 0,
    max: 1_000,
    effect:
      'How long a single check waits to hear of peers, at most, where they may just have used up a limit. 0: not at all.',
  })
  readonly contendedWaitMs: number = 50;

  /** Milliseconds between two clocks that are worth a warning. Default 250. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 1,
    max: 3_600_000,
    effect: 'A peer whose clock differs by more is named in the log and in a metric.',
  })
  readonly clockSkewWarnMs: number = 250;

  /** Milliseconds that a replica looks for others before it decides alone. Default 5 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 0,
    max: 600_000,
    effect: 'How long a replica that finds nobody waits before it is ready alone.',
  })
  readonly joinWaitMs: number = 5000;

  @Block(GossipConfig)
  readonly gossip: GossipConfig = new GossipConfig();

  @Block(ClusterGrpcConfig)
  readonly grpc: ClusterGrpcConfig = new ClusterGrpcConfig();

  @Block(DiscoveryConfig)
  readonly discovery: DiscoveryConfig = new DiscoveryConfig();
}
