import { Logger } from '@nestjs/common';
import { SystemClock } from '../../../src/common/system-clock.js';
import { SystemRandom } from '../../../src/common/system-random.js';
import { endpointText } from '../../../src/gossip/core/endpoint.js';
import type { Endpoint } from '../../../src/gossip/core/endpoint.js';
import type { MemberEvent } from '../../../src/gossip/core/member-event.js';
import type { GossipSettings } from '../../../src/gossip/gossip-settings.js';
import { GossipService } from '../../../src/gossip/gossip.service.js';
import type { GossipListener, GossipStream } from '../../../src/gossip/gossip-transport.js';
import { NodeGossipTransport } from '../../../src/gossip/node-gossip-transport.js';
import { RecordingGossipDelegate } from '../../../src/gossip/recording-gossip-delegate.js';

Logger.overrideLogger(false);

/** Sockets that can be cut, packet by packet and stream by stream. */
export class CuttableTransport extends NodeGossipTransport {
  cutsPacket: (peer: Endpoint) => boolean = () => false;
  cutsStream: (peer: Endpoint) => boolean = () => false;

  override listen(host: string, port: number, listener: GossipListener): Promise<Endpoint> {
    return super.listen(host, port, {
      packet: (bytes, from) => {
        if (!this.cutsPacket(from)) listener.packet(bytes, from);
      },
      packetRefused: (to) => listener.packetRefused(to),
      stream: (stream) => {
        if (this.cutsStream(stream.remote)) stream.close();
        else listener.stream(stream);
      },
    });
  }

  override send(packet: Uint8Array, to: Endpoint): void {
    if (!this.cutsPacket(to)) super.send(packet, to);
  }

  override dial(to: Endpoint, timeoutMs: number): Promise<GossipStream> {
    if (this.cutsStream(to)) return Promise.reject(new Error('cut'));
    return super.dial(to, timeoutMs);
  }
}

export class TimedDelegate extends RecordingGossipDelegate {
  readonly times = new Map<MemberEvent, number>();

  override event(event: MemberEvent): void {
    this.times.set(event, performance.now());
    super.event(event);
  }
}

/** One of our own nodes, in this process, on real sockets. */
export class WeirNode {
  readonly delegate = new TimedDelegate();
  readonly transport = new CuttableTransport();
  readonly service: GossipService;
  address = '';

  private constructor(
    readonly name: string,
    settings: Partial<GossipSettings>,
  ) {
    this.service = new GossipService(
      { name, bindHost: '127.0.0.1', port: 0, preset: 'lan', ...settings },
      {
        transport: this.transport,
        delegate: this.delegate,
        clock: new SystemClock(),
        random: new SystemRandom(),
      },
    );
  }

  static async start(name: string, settings: Partial<GossipSettings> = {}): Promise<WeirNode> {
    const node = new WeirNode(name, settings);
    node.address = endpointText(await node.service.start());
    return node;
  }

  /** Those that are up, as memberlist's `Members` has it. */
  memberNames(): readonly string[] {
    return this.service
      .members()
      .filter(({ state }) => state === 'alive' || state === 'suspect')
      .map(({ name }) => name)
      .toSorted();
  }

  /** `peer died`, `peer left` and so on, in order. */
  events(about?: string): readonly string[] {
    return this.delegate.events
      .filter(({ member }) => about === undefined || member.name === about)
      .map(({ kind, member }) => `${member.name} ${kind}`);
  }

  timeOf(name: string, kind: MemberEvent['kind']): number | undefined {
    const event = this.delegate.events.find((it) => it.kind === kind && it.member.name === name);
    return event === undefined ? undefined : this.delegate.times.get(event);
  }

  stop(): Promise<void> {
    return this.service.stop();
  }
}
