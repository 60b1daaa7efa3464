import type { AllowedNetworks } from '../common/allowed-networks.js';
import { unreachable } from '../common/assert.js';
import type { Clock } from '../common/clock.js';
import type { Log } from '../common/log.js';
import type { Random } from '../common/random.js';
import { REFUSALS } from './core/address-filter.js';
import { PeerSet, type PeerSetEffect, type PeerSetInput } from './core/peer-set.js';
import type { PeerJoiner } from './peer-joiner.js';
import type { PeerSource } from './peer-source.js';

export interface DiscoveryRim {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The only loop of discovery: hears the sources, looks who is up, and calls those who are not. */
export class DiscoveryDriver {
  readonly peers: PeerSet;
  private timer: NodeJS.Timeout | undefined;
  private hasStopped = false;

  constructor(
    private readonly sources: readonly PeerSource[],
    private readonly joiner: PeerJoiner,
    allowed: AllowedNetworks,
    private readonly rim: DiscoveryRim,
  ) {
    this.peers = new PeerSet(allowed, rim.random);
  }

  async start(): Promise<void> {
    for (const { type } of this.sources) this.handle({ kind: 'opened', source: type });
    await Promise.all(this.sources.map((source) => this.listen(source)));
    this.tick();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.hasStopped = true;
    clearTimeout(this.timer);
    await Promise.all(this.sources.map((source) => source.stop(timeoutMs)));
  }

  private listen(source: PeerSource): Promise<void> {
    const { type } = source;
    return source.start({
      found: (peers) => this.handle({ kind: 'found', source: type, peers }),
      failed: ({ message }) => this.handle({ kind: 'failed', source: type, fault: message }),
    });
  }

  private tick(): void {
    this.handle({ kind: 'tick', live: this.joiner.liveAddresses() });
    if (this.hasStopped) return;
    const waitMs = Math.max(0, this.peers.nextDeadline() - this.rim.clock.monoNow());
    this.timer = setTimeout(() => this.tick(), waitMs);
  }

  private handle(input: PeerSetInput): void {
    if (this.hasStopped) return;
    for (const effect of this.peers.handle(input, this.rim.clock.monoNow())) this.perform(effect);
  }

  private perform(effect: PeerSetEffect): void {
    const { log } = this.rim;
    switch (effect.kind) {
      case 'join':
        void this.join(effect);
        return;
      case 'appeared':
        log.debug({ address: effect.key, origin: effect.origin }, 'an address is proposed');
        return;
      case 'lost':
        log.debug({ address: effect.key }, 'an address is no longer proposed');
        return;
      case 'refused':
        log.warn({ address: effect.key }, `a found address ${REFUSALS[effect.reason]}; refused`);
        return;
      case 'dropped':
        log.warn(
          { source: effect.source, dropped: effect.count },
          'the source proposes more addresses than a cluster has; the rest is passed over',
        );
        return;
      case 'sourceFails':
        log.warn(
          { source: effect.source, fault: effect.fault },
          'a discovery source fails; what it found before stays',
        );
        return;
      case 'sourceAnswers':
        log.info(
          { source: effect.source, peers: effect.peers },
          'the discovery source answers again',
        );
        return;
      default:
        unreachable(effect);
    }
  }

  private async join({ key, peer }: PeerSetEffect & { readonly kind: 'join' }): Promise<void> {
    let error: string | undefined;
    try {
      await this.joiner.join(peer);
    } catch (reason) {
      error = reason instanceof Error ? reason.message : String(reason);
      this.rim.log.debug({ address: key, error }, 'nobody was joined at a proposed address');
    }
    this.handle({ kind: 'joinEnded', key, error });
  }
}
