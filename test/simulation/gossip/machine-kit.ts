import { AllowedNetworks } from '../../../src/common/allowed-networks.js';
import type { Endpoint } from '../../../src/gossip/core/endpoint.js';
import type { GossipEffect } from '../../../src/gossip/core/gossip-effect.js';
import type { GossipInput } from '../../../src/gossip/core/gossip-input.js';
import { GossipMachine } from '../../../src/gossip/core/gossip-machine.js';
import { DEFAULT_VSN } from '../../../src/gossip/core/gossip-options.js';
import type { GossipOptions } from '../../../src/gossip/core/gossip-options.js';
import { GOSSIP_PRESETS } from '../../../src/gossip/core/gossip-presets.js';
import type { MemberEvent } from '../../../src/gossip/core/member-event.js';
import type { Alive, PacketMessage } from '../../../src/gossip/core/messages.js';
import { LabelSet } from '../../../src/gossip/core/label-set.js';
import { Keyring } from '../../../src/gossip/core/keyring.js';
import { decodePacket } from '../../../src/gossip/core/packet-decoder.js';
import { packMessages } from '../../../src/gossip/core/compound.js';
import type { WireSettings } from '../../../src/gossip/core/wire-settings.js';
import { NodeGossipCrypto } from '../../../src/gossip/node-gossip-crypto.js';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { monoMs } from '../../../src/common/time.js';

export const PLAIN_WIRE: WireSettings = {
  labels: new LabelSet(new Uint8Array(0)),
  skipInboundLabelCheck: false,
  compression: false,
  keyring: new Keyring(),
  crypto: new NodeGossipCrypto(),
  encryptionVersion: 1,
  verifyIncoming: true,
  verifyOutgoing: true,
};

export const at = (last: number, port = 7946): Endpoint => ({
  addr: Uint8Array.of(127, 0, 0, last),
  port,
});

export function optionsFor(name: string, extra: Partial<GossipOptions> = {}): GossipOptions {
  return {
    ...GOSSIP_PRESETS.lan,
    name,
    advertise: at(1),
    bindPort: 7946,
    meta: undefined,
    vsn: DEFAULT_VSN,
    firstIncarnation: 1,
    allowed: new AllowedNetworks(),
    overheadBytes: () => 0,
    ...extra,
  };
}

export interface Sent {
  readonly to: Endpoint;
  readonly messages: readonly PacketMessage[];
  readonly checksum: boolean;
}

/** One machine, its clock in the test's hand, and what it did since last asked. */
export class Bench {
  readonly machine: GossipMachine;
  now = 0;
  /** Everybody who is pinged answers at once. */
  answering = false;
  private log: GossipEffect[] = [];

  constructor(extra: Partial<GossipOptions> = {}, seed = 1) {
    this.machine = new GossipMachine(optionsFor('self', extra), new SeededRandom(seed));
    this.give({ kind: 'start' });
    this.log = [];
  }

  give(input: GossipInput): readonly GossipEffect[] {
    const effects = this.machine.handle(input, monoMs(this.now));
    for (const effect of effects) this.log.push(effect);
    return effects;
  }

  packet(...messages: readonly PacketMessage[]): readonly GossipEffect[] {
    return this.give({ kind: 'packet', from: at(99), messages });
  }

  /** Lets time pass, stopping at every deadline. */
  pass(ms: number): this {
    const end = this.now + ms;
    for (let steps = 0; steps < 100_000; steps++) {
      const next = this.machine.nextDeadline() ?? Infinity;
      if (next > end) break;
      this.now = Math.max(this.now, next);
      const effects = this.give({ kind: 'tick' });
      if (this.answering) this.answer(effects);
    }
    this.now = end;
    return this;
  }

  private answer(effects: readonly GossipEffect[]): void {
    for (const message of this.messages(effects)) {
      if (message.kind === 'ping') this.packet({ kind: 'ack', seq: message.seq });
    }
  }

  /** Everything done since the last call. */
  take(): readonly GossipEffect[] {
    const { log } = this;
    this.log = [];
    return log;
  }

  sent(effects = this.take()): readonly Sent[] {
    return effects.flatMap((effect) => {
      if (effect.kind !== 'send') return [];
      const messages = packMessages(effect.parts).flatMap(
        (packet) => decodePacket(PLAIN_WIRE, packet).messages,
      );
      return [{ to: effect.to, messages, checksum: effect.checksum }];
    });
  }

  messages(effects = this.take()): readonly PacketMessage[] {
    return this.sent(effects).flatMap((it) => it.messages);
  }

  events(effects = this.take()): readonly string[] {
    return eventsOf(effects).map(({ kind, member }) => `${member.name} ${kind}`);
  }

  drops(effects = this.take()): readonly string[] {
    return effects.flatMap((effect) => (effect.kind === 'dropped' ? [effect.reason] : []));
  }

  stateOf(name: string): string {
    const member = this.machine.member(name);
    return member === undefined ? 'unknown' : `${member.state} ${member.incarnation}`;
  }
}

export const eventsOf = (effects: readonly GossipEffect[]): readonly MemberEvent[] =>
  effects.flatMap((effect) => (effect.kind === 'event' ? [effect.event] : []));

export const alive = (node: string, incarnation: number, extra: Partial<Alive> = {}): Alive => ({
  kind: 'alive',
  node,
  incarnation,
  addr: Uint8Array.of(127, 0, 0, 9),
  port: 7946,
  vsn: DEFAULT_VSN,
  ...extra,
});

export const suspect = (node: string, incarnation: number, from: string) =>
  ({ kind: 'suspect', node, incarnation, from }) as const;

export const dead = (node: string, incarnation: number, from: string) =>
  ({ kind: 'dead', node, incarnation, from }) as const;
