import { SeededRandom } from '../common/seeded-random.js';
import { monoMs } from '../common/time.js';
import { AllowedNetworks } from '../common/allowed-networks.js';
import { encodeCompound } from '../gossip/core/compound.js';
import type { GossipEffect } from '../gossip/core/gossip-effect.js';
import { GossipMachine } from '../gossip/core/gossip-machine.js';
import { DEFAULT_VSN } from '../gossip/core/gossip-options.js';
import { GOSSIP_PRESETS } from '../gossip/core/gossip-presets.js';
import { Keyring } from '../gossip/core/keyring.js';
import { LabelSet } from '../gossip/core/label-set.js';
import { encodeMessage } from '../gossip/core/message-encoder.js';
import { decodeMessage } from '../gossip/core/message-decoder.js';
import type { Alive, PushPull } from '../gossip/core/messages.js';
import { decodePacket } from '../gossip/core/packet-decoder.js';
import { encodePacket } from '../gossip/core/packet-encoder.js';
import { StreamDecoder } from '../gossip/core/stream-decoder.js';
import { encodeReply } from '../gossip/core/stream-encoder.js';
import type { WireSettings } from '../gossip/core/wire-settings.js';
import { NodeGossipCrypto } from '../gossip/node-gossip-crypto.js';
import type { Bench, BenchResult } from './bench-result.js';

const plain: WireSettings = {
  labels: new LabelSet(new Uint8Array(0)),
  skipInboundLabelCheck: false,
  compression: false,
  keyring: new Keyring(),
  crypto: new NodeGossipCrypto(),
  encryptionVersion: 1,
  verifyIncoming: true,
  verifyOutgoing: true,
};

const KINDS: readonly (readonly [string, WireSettings])[] = [
  ['plain', plain],
  ['compressed', { ...plain, compression: true }],
  ['AES-256', { ...plain, keyring: new Keyring([new Uint8Array(32).fill(1)]) }],
];

const alive = (index: number, incarnation = 1): Alive => ({
  kind: 'alive',
  node: `replica-${index}`,
  incarnation,
  addr: Uint8Array.of(10, 0, index >> 8, index & 0xff),
  port: 7_946,
  vsn: DEFAULT_VSN,
});

/** Joins, of which the mean is taken. */
const JOINS = 20;

const ping = encodeMessage({ kind: 'ping', seq: 7, node: 'replica-1' });
const news = encodeCompound(Array.from({ length: 18 }, (_, i) => encodeMessage(alive(i))));

/** What a packet costs, and a replica at rest. Sockets are not in it: those are the kernel's. */
export const gossipBench: Bench = {
  name: 'gossip',
  run: ({ seconds }, progress) => Promise.resolve(run(seconds, progress)),
};

function run(seconds: number, progress: (line: string) => void): BenchResult {
  const rows: string[][] = [];
  for (const [kind, settings] of KINDS) {
    progress(`gossip: ${kind} packets`);
    for (const [what, message] of [
      ['ping', ping],
      ['news of 18 members', news],
    ] as const) {
      const packet = encodePacket(settings, message, true);
      const outUs = microseconds(() => encodePacket(settings, message, true), seconds);
      const inUs = microseconds(() => decodePacket(settings, packet), seconds);
      const cells = [outUs.toFixed(1), inUs.toFixed(1), perSecond(outUs), perSecond(inUs)];
      rows.push([`${what}, ${kind}`, ...cells]);
    }
  }
  for (const members of [10, 100, 1_000]) {
    progress(`gossip: at rest among ${members}`);
    rows.push([`at rest among ${members}`, `${idleShare(members).toFixed(3)} % of a core`]);
  }
  progress('gossip: joining 1,000');
  rows.push([
    'joining 1,000: their state packed, read, taken in',
    `${joinMs(1_000).toFixed(1)} ms`,
  ]);
  return {
    name: 'gossip',
    title: 'Gossip: packets, and a replica at rest',
    columns: ['what', 'us out', 'us in', 'packets/s out', 'packets/s in'],
    rows: rows.map((row) => [...row, '', '', '', ''].slice(0, 5)),
    notes: [
      'Times are of the CPU, so that other work on the machine does not count; packets/s are of one core.',
      'At rest: machine and codec for each second of the protocol, without sockets.',
    ],
  };
}

const perSecond = (us: number): string => Math.round(1e6 / us).toLocaleString('en-US');

/** Of this process, however busy the machine is. */
function usedUs(since?: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

function microseconds(step: () => unknown, seconds: number): number {
  for (let i = 0; i < 2_000; i++) step();
  const start = process.cpuUsage();
  let count = 0;
  while (usedUs(start) < (seconds * 1e6) / 6) {
    for (let i = 0; i < 200; i++) step();
    count += 200;
  }
  return usedUs(start) / count;
}

function startedMachine(): GossipMachine {
  const machine = new GossipMachine(
    {
      ...GOSSIP_PRESETS.lan,
      name: 'self',
      advertise: { addr: Uint8Array.of(10, 1, 0, 1), port: 7_946 },
      bindPort: 7_946,
      meta: undefined,
      vsn: DEFAULT_VSN,
      firstIncarnation: 1,
      allowed: new AllowedNetworks(),
      overheadBytes: () => 0,
    },
    new SeededRandom(1),
  );
  machine.handle({ kind: 'start' }, monoMs(0));
  return machine;
}

/** What a member tells of so many others in a push/pull. */
function stateOf(members: number): PushPull {
  const nodes = Array.from({ length: members }, (_, i) => {
    const { node, kind: _kind, ...rest } = alive(i);
    return { ...rest, name: node, state: 0 };
  });
  return { kind: 'pushPull', join: true, nodes, userState: new Uint8Array(0) };
}

function machineAmong(members: number): GossipMachine {
  const machine = startedMachine();
  machine.handle({ ...stateOf(members), stream: 1 }, monoMs(0));
  return machine;
}

/** Milliseconds of a core, at both ends together. */
function joinMs(members: number): number {
  const settings = { ...plain, compression: true };
  const state = stateOf(members);
  const start = process.cpuUsage();
  for (let i = 0; i < JOINS; i++) {
    const bytes = encodeReply(settings, state, new Uint8Array(0));
    const read = new StreamDecoder(settings, 'reply').push(bytes);
    if (read.kind !== 'message' || read.message.kind !== 'pushPull')
      throw new Error('the state could not be read');
    startedMachine().handle({ ...read.message, stream: 1 }, monoMs(0));
  }
  return usedUs(start) / 1_000 / JOINS;
}

/** Per cent of a core, over ten minutes of the protocol; everybody answers, one ping a second comes in. */
function idleShare(members: number): number {
  const machine = machineAmong(members);
  const end = 600_000;
  const from = { addr: Uint8Array.of(10, 0, 0, 1), port: 7_946 };
  let nextPing = 0;
  const start = process.cpuUsage();
  for (let now = 0; now < end; now = Math.min(nextPing, machine.nextDeadline() ?? end)) {
    if (now >= nextPing) {
      nextPing += 1_000;
      const { messages } = decodePacket(plain, encodePacket(plain, ping, false));
      perform(machine.handle({ kind: 'packet', from, messages }, monoMs(now)), machine, now);
    }
    perform(machine.handle({ kind: 'tick' }, monoMs(now)), machine, now);
  }
  return (usedUs(start) / 1_000 / end) * 100;
}

/** Sends what is to be sent into nothing, and answers pings at once. */
function perform(effects: readonly GossipEffect[], machine: GossipMachine, now: number): void {
  for (const effect of effects) {
    if (effect.kind !== 'send') continue;
    const [first = new Uint8Array(0)] = effect.parts;
    encodePacket(plain, first, effect.checksum);
    const message = decodeMessage(first);
    if (message.kind !== 'ping') continue;
    const messages = [{ kind: 'ack', seq: message.seq } as const];
    machine.handle({ kind: 'packet', from: effect.to, messages }, monoMs(now));
  }
}
