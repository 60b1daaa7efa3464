import type { GossipSeeds } from './gossip-seeds.js';
import type { GossipService, JoinOutcome } from './gossip.service.js';

/**
 * Calls the seeds again and again, as long as nobody known is up at their addresses: a cluster whose
 * replicas started alone, or whose names have moved, finds itself without anybody's help.
 */
export class GossipSeedDriver {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly service: GossipService,
    private readonly seeds: GossipSeeds,
    private readonly intervalMs: number,
    private readonly onRound: (outcome: JoinOutcome) => void = () => undefined,
  ) {}

  /** The first call is made at once; resolves when it is over, whatever came of it. */
  async start(): Promise<void> {
    await this.round();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async round(): Promise<void> {
    this.onRound(await this.callSeeds());
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.round(), this.intervalMs);
  }

  /** A source of seeds that fails now is asked again at the next round; members stay members. */
  private async callSeeds(): Promise<JoinOutcome> {
    try {
      return await this.service.rejoin(await this.seeds.addresses());
    } catch (error) {
      return { joined: 0, errors: [error instanceof Error ? error.message : String(error)] };
    }
  }
}
