import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Optional } from '@nestjs/common';
import { addressText } from '../common/ip-address.js';
import { isLoopback } from '../config/config-rules.js';
import { endpointText, type Endpoint } from '../gossip/core/endpoint.js';
import { GossipService } from '../gossip/gossip.service.js';
import { announcementOf } from './announcement-of.js';
import { GossipPeerJoiner } from './gossip-peer-joiner.js';
import { metaOf } from './gossip-settings-of.js';
import { MemberLog } from './member-log.js';
import { MembershipParts } from './membership-parts.js';
import { MembershipService } from './membership.service.js';
import { isUp, type ReplicaPorts } from './replica.js';

/** For sources of discovery to take back what they announced; a lease ends even so. */
const WITHDRAW_MAX_MS = 2_000;

/** For the farewell to be sent as often as it takes; then we go even so. */
const LEAVE_MAX_MS = 5_000;

/** After it, pings are still answered while the others pass the news on. */
const LINGER_MS = 1_000;

/** Of why nobody was found. */
const REASONS_MAX = 3;

/** How often to look whether somebody has been found. */
const LOOK_INTERVAL_MS = 20;

/** Comes and goes with the process: listens, finds the others, says farewell. */
@Injectable()
export class MembershipDriver {
  constructor(
    private readonly membership: MembershipService,
    private readonly parts: MembershipParts,
    private readonly memberLog: MemberLog,
    @Optional() private readonly gossip?: GossipService,
  ) {}

  /** Listens and begins to look for others. Does nothing where this replica runs alone. */
  async start(ports: ReplicaPorts): Promise<void> {
    const { gossip, parts } = this;
    this.membership.servesOn(ports);
    if (gossip === undefined) return;
    this.membership.onChange((replica, kind) => this.memberLog.change(replica, kind));
    const endpoint = await gossip.start(metaOf(parts.identity, ports));
    const { name } = parts.identity;
    parts.log.info({ name, gossip: endpointText(endpoint) }, 'this replica is one of a cluster');
    this.warnIfOpen();
    this.warnIfLocal(endpoint);
    const self = announcementOf(parts, endpoint, ports);
    const keys = () => gossip.keyring.list();
    await parts.discovery.start({ self, keys }, new GossipPeerJoiner(gossip));
  }

  /** Resolves when another replica is up, or when this one has looked for long enough. */
  async settle(): Promise<void> {
    const { peers, discovery, joinWaitMs } = this.parts.config.cluster;
    if (this.gossip === undefined || (peers.length === 0 && !discovery.enabled)) return;
    const deadline = performance.now() + joinWaitMs;
    while (!this.hasFoundOthers() && performance.now() < deadline) await delay(LOOK_INTERVAL_MS);
    if (!this.hasFoundOthers()) {
      this.parts.log.warn(
        { joinWaitMs, reasons: this.whyAlone() },
        'no other replica was found: this one begins alone, and goes on looking',
      );
    }
  }

  /** Says farewell, waits until it has spread, and closes the sockets. */
  async stop(): Promise<void> {
    const { gossip } = this;
    await this.parts.discovery.stop(WITHDRAW_MAX_MS);
    if (gossip?.isRunning !== true) return;
    const tellsOthers = this.hasFoundOthers();
    await gossip.leave(LEAVE_MAX_MS);
    if (tellsOthers) await delay(LINGER_MS);
    await gossip.stop();
  }

  private hasFoundOthers(): boolean {
    return this.membership.replicas().some((replica) => !replica.isSelf && isUp(replica));
  }

  /** Why nobody was found: what the first few addresses and the sources say. */
  private whyAlone(): readonly string[] {
    const { sources = [], proposals = [] } = this.parts.discovery.status() ?? {};
    const faults = sources.flatMap(({ source, fault }) =>
      fault === undefined ? [] : [`${source}: ${fault}`],
    );
    const errors = proposals.flatMap(({ key, joinError }) =>
      joinError === undefined ? [] : [`${key}: ${joinError}`],
    );
    return [...faults, ...errors].slice(0, REASONS_MAX);
  }

  private warnIfOpen(): void {
    if (this.gossip?.keyring.primary !== undefined) return;
    this.parts.log.warn(
      {},
      'the gossip is not sealed: whoever reaches its port can join; set cluster.gossip.keyFile',
    );
  }

  /** Whoever listens on loopback means this host; whoever listens elsewhere and says loopback is mistaken. */
  private warnIfLocal({ addr, port }: Endpoint): void {
    const { bindHost } = this.parts.config.cluster.gossip;
    if (!isLoopback(addressText(addr)) || isLoopback(bindHost)) return;
    this.parts.log.warn(
      { advertised: endpointText({ addr, port }) },
      'others are told an address that only this host reaches; set cluster.gossip.advertiseHost',
    );
  }
}
