/**
 * One message from a value to bytes, equal to what memberlist writes: keys sorted by their bytes,
 * empty source fields left out, everything else always present.
 */
import { MessageType } from './message-type.js';
import type { NodeState, PacketMessage, Ping, Source } from './messages.js';
import type { Ack, Alive, IndirectPing } from './messages.js';
import { MsgpackWriter } from './msgpack-writer.js';

export function encodeMessage(message: PacketMessage): Uint8Array {
  const writer = new MsgpackWriter();
  writeMessage(writer, message);
  return writer.finish();
}

function writeMessage(writer: MsgpackWriter, message: PacketMessage): void {
  switch (message.kind) {
    case 'ping':
      return writePing(writer, message);
    case 'indirectPing':
      return writeIndirectPing(writer, message);
    case 'ack':
      return writeAck(writer, message);
    case 'nack':
      return writeNack(writer, message.seq);
    case 'suspect':
      return writeAccusation(writer, MessageType.SUSPECT, message);
    case 'dead':
      return writeAccusation(writer, MessageType.DEAD, message);
    case 'alive':
      return writeAlive(writer, message);
    case 'user':
      writer.byte(MessageType.USER);
      return writer.append(message.payload);
  }
}

function writePing(writer: MsgpackWriter, ping: Ping): void {
  writer.byte(MessageType.PING);
  writer.mapHeader(2 + sourceFields(ping.source));
  writer.key('Node');
  writer.text(ping.node);
  writer.key('SeqNo');
  writer.unsigned(ping.seq);
  writeSource(writer, ping.source);
}

function writeIndirectPing(writer: MsgpackWriter, ping: IndirectPing): void {
  writer.byte(MessageType.INDIRECT_PING);
  writer.mapHeader(5 + sourceFields(ping.source));
  writer.key('Nack');
  writer.boolean(ping.nack);
  writer.key('Node');
  writer.text(ping.node);
  writer.key('Port');
  writer.unsigned(ping.target.port);
  writer.key('SeqNo');
  writer.unsigned(ping.seq);
  writeSource(writer, ping.source);
  writer.key('Target');
  writer.raw(ping.target.addr);
}

const sourceFields = (source: Source | undefined): number =>
  source === undefined ? 0 : source.name === '' ? 2 : 3;

function writeSource(writer: MsgpackWriter, source: Source | undefined): void {
  if (source === undefined) return;
  writer.key('SourceAddr');
  writer.raw(source.addr);
  if (source.name !== '') {
    writer.key('SourceNode');
    writer.text(source.name);
  }
  writer.key('SourcePort');
  writer.unsigned(source.port);
}

function writeAck(writer: MsgpackWriter, ack: Ack): void {
  writer.byte(MessageType.ACK);
  writer.mapHeader(2);
  writer.key('Payload');
  writeOptional(writer, ack.payload);
  writer.key('SeqNo');
  writer.unsigned(ack.seq);
}

function writeNack(writer: MsgpackWriter, seq: number): void {
  writer.byte(MessageType.NACK);
  writer.mapHeader(1);
  writer.key('SeqNo');
  writer.unsigned(seq);
}

function writeAccusation(
  writer: MsgpackWriter,
  type: number,
  it: { readonly from: string; readonly incarnation: number; readonly node: string },
): void {
  writer.byte(type);
  writer.mapHeader(3);
  writer.key('From');
  writer.text(it.from);
  writer.key('Incarnation');
  writer.unsigned(it.incarnation);
  writer.key('Node');
  writer.text(it.node);
}

function writeAlive(writer: MsgpackWriter, alive: Alive): void {
  writer.byte(MessageType.ALIVE);
  writer.mapHeader(6);
  writePlace(writer, alive);
  writer.key('Node');
  writer.text(alive.node);
  writer.key('Port');
  writer.unsigned(alive.port);
  writer.key('Vsn');
  writeOptional(writer, alive.vsn);
}

export function writeNodeState(writer: MsgpackWriter, node: NodeState): void {
  writer.mapHeader(7);
  writePlace(writer, node);
  writer.key('Name');
  writer.text(node.name);
  writer.key('Port');
  writer.unsigned(node.port);
  writer.key('State');
  writer.unsigned(node.state);
  writer.key('Vsn');
  writeOptional(writer, node.vsn);
}

function writePlace(writer: MsgpackWriter, it: Pick<Alive, 'addr' | 'incarnation' | 'meta'>): void {
  writer.key('Addr');
  writer.raw(it.addr);
  writer.key('Incarnation');
  writer.unsigned(it.incarnation);
  writer.key('Meta');
  writeOptional(writer, it.meta);
}

function writeOptional(writer: MsgpackWriter, value: Uint8Array | undefined): void {
  if (value === undefined) writer.nil();
  else writer.raw(value);
}
