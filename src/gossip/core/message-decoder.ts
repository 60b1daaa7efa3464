/**
 * One message body from bytes to a value. Field names and their order of declaration are Go's; see
 * `message-encoder.ts` for the other way.
 */
import type { Source } from './messages.js';
import type { Ack, Alive, Dead, IndirectPing, Nack, Ping, Suspect } from './messages.js';
import { NO_BYTES } from './bytes.js';
import type { NodeState, PacketMessage } from './messages.js';
import { MessageType } from './message-type.js';
import { MsgpackReader } from './msgpack-reader.js';
import type { Struct } from './struct-reader.js';
import { StructReader } from './struct-reader.js';
import { WireError } from './wire-error.js';

const PING = new StructReader({
  SeqNo: 'u32',
  Node: 'text',
  SourceAddr: 'bytes',
  SourcePort: 'u16',
  SourceNode: 'text',
});

const INDIRECT_PING = new StructReader({
  SeqNo: 'u32',
  Target: 'bytes',
  Port: 'u16',
  Node: 'text',
  Nack: 'bool',
  SourceAddr: 'bytes',
  SourcePort: 'u16',
  SourceNode: 'text',
});

const ACK = new StructReader({ SeqNo: 'u32', Payload: 'bytes' });
const NACK = new StructReader({ SeqNo: 'u32' });
const ERROR = new StructReader({ Error: 'text' });
const ACCUSATION = new StructReader({ Incarnation: 'u32', Node: 'text', From: 'text' });

const ALIVE_SCHEMA = {
  Incarnation: 'u32',
  Node: 'text',
  Addr: 'bytes',
  Port: 'u16',
  Meta: 'bytes',
  Vsn: 'bytes',
} as const;
const ALIVE = new StructReader(ALIVE_SCHEMA);

const NODE_STATE = new StructReader({
  Name: 'text',
  Addr: 'bytes',
  Port: 'u16',
  Meta: 'bytes',
  Incarnation: 'u32',
  State: 'int',
  Vsn: 'bytes',
});

/** A message that is no layer. `bytes` starts with the type; what follows the body is ignored. */
export function decodeMessage(bytes: Uint8Array): PacketMessage {
  const reader = new MsgpackReader(bytes, 1);
  switch (bytes[0]) {
    case undefined:
      throw new WireError('empty-message', 'missing message type byte');
    case MessageType.PING:
      return decodePing(reader);
    case MessageType.INDIRECT_PING:
      return decodeIndirectPing(reader);
    case MessageType.ACK:
      return decodeAck(reader);
    case MessageType.NACK:
      return decodeNack(reader);
    case MessageType.SUSPECT:
      return decodeAccusation(reader, 'suspect');
    case MessageType.DEAD:
      return decodeAccusation(reader, 'dead');
    case MessageType.ALIVE:
      return decodeAlive(reader);
    case MessageType.USER:
      return { kind: 'user', payload: bytes.slice(1) };
    default:
      throw new WireError('unsupported-type', `message type ${bytes[0]} is not supported`);
  }
}

export function decodePing(reader: MsgpackReader): Ping {
  const it = PING.read(reader);
  return { kind: 'ping', seq: it.SeqNo, node: it.Node, ...sourceOf(it) };
}

function decodeIndirectPing(reader: MsgpackReader): IndirectPing {
  const it = INDIRECT_PING.read(reader);
  return {
    kind: 'indirectPing',
    seq: it.SeqNo,
    target: { addr: it.Target ?? NO_BYTES, port: it.Port },
    node: it.Node,
    nack: it.Nack,
    ...sourceOf(it),
  };
}

/** A source counts only with both an address and a port; otherwise the answer goes where it came from. */
function sourceOf(it: {
  readonly SourceAddr: Uint8Array | undefined;
  readonly SourcePort: number;
  readonly SourceNode: string;
}): { source?: Source } {
  if (it.SourceAddr === undefined || it.SourceAddr.length === 0 || it.SourcePort === 0) return {};
  return { source: { addr: it.SourceAddr, port: it.SourcePort, name: it.SourceNode } };
}

export function decodeAck(reader: MsgpackReader): Ack {
  const it = ACK.read(reader);
  return { kind: 'ack', seq: it.SeqNo, ...(it.Payload ? { payload: it.Payload } : {}) };
}

function decodeNack(reader: MsgpackReader): Nack {
  return { kind: 'nack', seq: NACK.read(reader).SeqNo };
}

function decodeAccusation<K extends 'suspect' | 'dead'>(
  reader: MsgpackReader,
  kind: K,
): { kind: K } & Omit<Suspect | Dead, 'kind'> {
  const it = ACCUSATION.read(reader);
  return { kind, node: it.Node, incarnation: it.Incarnation, from: it.From };
}

function decodeAlive(reader: MsgpackReader): Alive {
  const it = ALIVE.read(reader);
  return { kind: 'alive', node: it.Node, ...placeOf(it) };
}

export function decodeNodeState(reader: MsgpackReader): NodeState {
  const it = NODE_STATE.read(reader);
  return { name: it.Name, state: it.State, ...placeOf(it) };
}

type Placed = Pick<Struct<typeof ALIVE_SCHEMA>, 'Incarnation' | 'Addr' | 'Port' | 'Meta' | 'Vsn'>;

function placeOf(it: Placed): Omit<Alive, 'kind' | 'node'> {
  return {
    incarnation: it.Incarnation,
    addr: it.Addr ?? NO_BYTES,
    port: it.Port,
    ...(it.Meta ? { meta: it.Meta } : {}),
    ...(it.Vsn ? { vsn: it.Vsn } : {}),
  };
}

export function decodeError(reader: MsgpackReader): string {
  return ERROR.read(reader).Error;
}
