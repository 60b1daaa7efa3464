/**
 * One message for a stream, inside out: compression (always, if it is on: memberlist does so even
 * when it makes the data longer), encryption with a length in front, and the label header, which
 * only the side that connects writes. The label is in the additional data in both directions.
 */
import { unreachable } from '../../common/assert.js';
import { concatBytes, u32Bytes } from './bytes.js';
import { compress } from './compression.js';
import { seal, sealedLength } from './encryption-envelope.js';
import { labelHeader } from './label.js';
import { encodeMessage, writeNodeState } from './message-encoder.js';
import { MessageType } from './message-type.js';
import type { PushPull, StreamMessage } from './messages.js';
import { MsgpackWriter } from './msgpack-writer.js';
import { sealingKey } from './wire-settings.js';
import type { WireSettings } from './wire-settings.js';

/** What the connecting side sends. */
export function encodeRequest(
  settings: WireSettings,
  message: StreamMessage,
  label: Uint8Array,
): Uint8Array {
  return concatBytes([labelHeader(label), encodeReply(settings, message, label)]);
}

/** What the accepting side answers: the same without the header, bound to the request's label. */
export function encodeReply(
  settings: WireSettings,
  message: StreamMessage,
  label: Uint8Array,
): Uint8Array {
  const plain = encodeStreamMessage(message);
  const packed = settings.compression ? compress(plain) : plain;
  const key = sealingKey(settings);
  return key === undefined ? packed : encryptFrame({ ...settings, label }, key, packed);
}

function encryptFrame(
  settings: WireSettings & { readonly label: Uint8Array },
  key: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const version = settings.encryptionVersion;
  const head = concatBytes([
    Uint8Array.of(MessageType.ENCRYPT),
    u32Bytes(sealedLength(plain.length, version)),
  ]);
  const aad = concatBytes([head, settings.label]);
  return concatBytes([head, seal(settings.crypto, key, plain, { aad, version })]);
}

export function encodeStreamMessage(message: StreamMessage): Uint8Array {
  switch (message.kind) {
    case 'pushPull':
      return encodePushPull(message);
    case 'user':
      return encodeUser(message.payload);
    case 'error':
      return encodeError(message.error);
    case 'ping':
    case 'ack':
      return encodeMessage(message);
    default:
      return unreachable(message);
  }
}

/** Estimates are generous: a state is 60 bytes plus its name and metadata. */
const NODE_BYTES_TYPICAL = 128;

function encodePushPull(message: PushPull): Uint8Array {
  const writer = new MsgpackWriter(
    64 + message.nodes.length * NODE_BYTES_TYPICAL + message.userState.length,
  );
  writer.byte(MessageType.PUSH_PULL);
  writer.mapHeader(3);
  writer.key('Join');
  writer.boolean(message.join);
  writer.key('Nodes');
  writer.unsigned(message.nodes.length);
  writer.key('UserStateLen');
  writer.unsigned(message.userState.length);
  for (const node of message.nodes) writeNodeState(writer, node);
  writer.append(message.userState);
  return writer.finish();
}

function encodeUser(payload: Uint8Array): Uint8Array {
  const writer = new MsgpackWriter(payload.length + 24);
  writer.byte(MessageType.USER);
  writer.mapHeader(1);
  writer.key('UserMsgLen');
  writer.unsigned(payload.length);
  writer.append(payload);
  return writer.finish();
}

function encodeError(error: string): Uint8Array {
  const writer = new MsgpackWriter();
  writer.byte(MessageType.ERROR);
  writer.mapHeader(1);
  writer.key('Error');
  writer.text(error);
  return writer.finish();
}
