/**
 * Goal: what running memberlist nodes put on the wire is read to the documented values, and what we
 * write is the same bytes. Method: every capture is decoded layer by layer and encoded again.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { unreachable } from '../../common/assert.js';
import { NodeGossipCrypto } from '../node-gossip-crypto.js';
import { GossipCrypto } from './gossip-crypto.js';
import { LabelSet } from './label-set.js';
import { Keyring } from './keyring.js';
import { lzwDecode } from './lzw-decoder.js';
import { lzwEncode } from './lzw-encoder.js';
import { packMessages } from './compound.js';
import { encodeMessage } from './message-encoder.js';
import type { Endpoint } from './endpoint.js';
import type { NodeState, PacketMessage, StreamMessage } from './messages.js';
import { decodePacket } from './packet-decoder.js';
import { encodePacket } from './packet-encoder.js';
import { StreamDecoder } from './stream-decoder.js';
import { encodeReply, encodeRequest } from './stream-encoder.js';
import type { WireSettings } from './wire-settings.js';

interface Decoded {
  readonly label?: string;
  readonly encryption?: { readonly version: 0 | 1; readonly nonce: string };
  readonly compress?: unknown;
  readonly message: Layer;
}

interface Layer {
  readonly type: string;
  readonly parts?: readonly Layer[];
  readonly inner?: Layer;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly nodes?: readonly Readonly<Record<string, unknown>>[];
  readonly payloadHex?: string;
  readonly userStateHex?: string;
}

interface Fixture {
  readonly name: string;
  readonly transport: 'udp' | 'tcp';
  readonly hex: string;
  readonly keysHex?: readonly string[];
  readonly label?: string;
  readonly decoded: Decoded;
}

const file: {
  fixtures: readonly Fixture[];
  lzw: readonly { name: string; inputHex: string; outputHex: string }[];
} = JSON.parse(
  readFileSync(new URL('../../../test/interop/memberlist/fixtures.json', import.meta.url), 'utf8'),
);

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const hexOf = (value: Uint8Array): string => Buffer.from(value).toString('hex');

/** Node's cipher with the nonce of the capture, so that sealing gives the captured bytes. */
class FixedNonceCrypto extends NodeGossipCrypto {
  constructor(private readonly fixed: Uint8Array) {
    super();
  }

  override nonce(): Uint8Array {
    return this.fixed;
  }
}

function settingsOf(fixture: Fixture): WireSettings {
  const { decoded } = fixture;
  const nonce = decoded.encryption ? bytes(decoded.encryption.nonce) : new Uint8Array(12);
  const crypto: GossipCrypto = new FixedNonceCrypto(nonce);
  return {
    labels: new LabelSet(new TextEncoder().encode(fixture.label ?? decoded.label ?? '')),
    skipInboundLabelCheck: false,
    compression: JSON.stringify(decoded).includes('ompress'),
    keyring: new Keyring((fixture.keysHex ?? []).map(bytes)),
    crypto,
    encryptionVersion: decoded.encryption?.version ?? 1,
    verifyIncoming: true,
    verifyOutgoing: true,
  };
}

/** The leaves of a documented packet, in order. */
function leaves(layer: Layer): readonly Layer[] {
  if (layer.parts) return layer.parts.flatMap(leaves);
  return layer.inner ? leaves(layer.inner) : [layer];
}

/** Our value in the words of the documentation. */
function documented(message: PacketMessage | StreamMessage): unknown {
  switch (message.kind) {
    case 'ping':
      return {
        type: 'ping',
        fields: { Node: message.node, SeqNo: message.seq, ...source(message.source) },
      };
    case 'indirectPing':
      return {
        type: 'indirectPing',
        fields: {
          Nack: message.nack,
          Node: message.node,
          Port: message.target.port,
          SeqNo: message.seq,
          ...source(message.source),
          Target: { hex: hexOf(message.target.addr) },
        },
      };
    case 'ack':
      return { type: 'ackResp', fields: { Payload: raw(message.payload), SeqNo: message.seq } };
    case 'nack':
      return { type: 'nackResp', fields: { SeqNo: message.seq } };
    case 'suspect':
    case 'dead':
      return {
        type: message.kind,
        fields: { From: message.from, Incarnation: message.incarnation, Node: message.node },
      };
    case 'alive':
      return { type: 'alive', fields: { ...place(message), Node: message.node } };
    case 'user':
      return { type: 'user', payloadHex: hexOf(message.payload) };
    case 'error':
      return { type: 'err', fields: { Error: message.error } };
    case 'pushPull':
      return {
        type: 'pushPull',
        header: {
          Join: message.join,
          Nodes: message.nodes.length,
          UserStateLen: message.userState.length,
        },
        nodes: message.nodes.map((node) => ({
          ...place(node),
          Name: node.name,
          State: node.state,
        })),
        userStateHex: hexOf(message.userState),
      };
    default:
      return unreachable(message);
  }
}

const raw = (value: Uint8Array | undefined): unknown => (value ? { hex: hexOf(value) } : null);

const place = (
  node: Pick<NodeState, 'addr' | 'incarnation' | 'meta' | 'port' | 'vsn'>,
): object => ({
  Addr: { hex: hexOf(node.addr) },
  Incarnation: node.incarnation,
  Meta: raw(node.meta),
  Port: node.port,
  Vsn: raw(node.vsn),
});

const source = (from: (Endpoint & { readonly name: string }) | undefined): object =>
  from
    ? { SourceAddr: { hex: hexOf(from.addr) }, SourceNode: from.name, SourcePort: from.port }
    : {};

/** User messages on streams carry a header that says nothing more than their length. */
const withoutUserHeader = (layer: Layer): unknown =>
  layer.type === 'user' ? { type: layer.type, payloadHex: layer.payloadHex } : layer;

const udp = file.fixtures.filter((fixture) => fixture.transport === 'udp');
const tcp = file.fixtures.filter((fixture) => fixture.transport === 'tcp');

describe('captured packets', () => {
  it.each(udp.map((fixture) => [fixture.name, fixture] as const))('%s is read', (_, fixture) => {
    const { messages, faults } = decodePacket(settingsOf(fixture), bytes(fixture.hex));
    expect(faults).toEqual([]);
    expect(messages.map(documented)).toEqual(
      leaves(fixture.decoded.message).map(({ type, fields, payloadHex }) =>
        type === 'user' ? { type, payloadHex } : { type, fields },
      ),
    );
  });

  it.each(udp.map((fixture) => [fixture.name, fixture] as const))('%s is written', (_, fixture) => {
    const settings = settingsOf(fixture);
    const { messages } = decodePacket(settings, bytes(fixture.hex));
    const [packet, ...more] = packMessages(messages.map(encodeMessage));
    expect(more).toEqual([]);
    const withChecksum = fixture.decoded.message.type === 'hasCrc';
    const written = encodePacket(settings, packet ?? new Uint8Array(0), withChecksum);
    expect(hexOf(written)).toBe(fixture.hex);
  });
});

describe('captured streams', () => {
  const side = (fixture: Fixture): 'request' | 'reply' =>
    fixture.label !== undefined && fixture.decoded.label === undefined ? 'reply' : 'request';

  const decode = (fixture: Fixture, pieceBytes: number): StreamMessage => {
    const decoder = new StreamDecoder(settingsOf(fixture), side(fixture));
    const all = bytes(fixture.hex);
    for (let at = 0; at < all.length; at += pieceBytes) {
      const result = decoder.push(all.subarray(at, at + pieceBytes));
      if (result.kind === 'message') return result.message;
      expect(result).toEqual({ kind: 'more' });
    }
    throw new Error('the stream ended without a message');
  };

  it.each(tcp.map((fixture) => [fixture.name, fixture] as const))('%s is read', (_, fixture) => {
    const expected = withoutUserHeader(fixture.decoded.message);
    for (const pieceBytes of [1, 7, 1 << 20]) {
      expect(documented(decode(fixture, pieceBytes))).toEqual(expected);
    }
  });

  // Releases on go-msgpack 1.1.5 and later write signed fields above 127 as d1; all read our form.
  const signed = ['d100c8', 'd103e8'];
  const exact = tcp.filter((fixture) => {
    const all = fixture.hex + JSON.stringify(fixture.decoded);
    return !signed.some((form) => all.includes(form));
  });

  it.each(exact.map((fixture) => [fixture.name, fixture] as const))(
    '%s is written',
    (_, fixture) => {
      const settings = settingsOf(fixture);
      const message = decode(fixture, 1 << 20);
      const encode = fixture.decoded.label === undefined ? encodeReply : encodeRequest;
      expect(hexOf(encode(settings, message, settings.labels.own))).toBe(fixture.hex);
    },
  );

  it('leaves only the signed forms out', () => {
    expect(tcp.length - exact.length).toBeLessThan(8);
  });
});

describe('LZW vectors', () => {
  it.each(file.lzw.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
    expect(hexOf(lzwEncode(bytes(vector.inputHex)))).toBe(vector.outputHex);
    expect(hexOf(lzwDecode(bytes(vector.outputHex), 1 << 20))).toBe(vector.inputHex);
  });
});
