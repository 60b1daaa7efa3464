/**
 * Reads the one message of a stream from bytes that arrive in pieces. It remembers how far it came,
 * so that a push/pull of 20 MiB in 300 pieces is parsed once and not 300 times, and it checks every
 * count before it believes it.
 */
import { decodeAck, decodeError, decodeNodeState, decodePing } from './message-decoder.js';
import { MEMBERS_MAX } from './gossip-options.js';
import { MessageType } from './message-type.js';
import type { NodeState, StreamMessage } from './messages.js';
import { MsgpackReader } from './msgpack-reader.js';
import { StructReader } from './struct-reader.js';
import { WireError } from './wire-error.js';

/**
 * memberlist reads up to 1,048,576, which would keep our event loop for seconds; a table of ours holds
 * a quarter of this.
 */
const NODES_MAX = 4 * MEMBERS_MAX;
export const USER_BYTES_MAX = 20 * 1_048_576;

const PUSH_PULL_HEADER = new StructReader({ Nodes: 'int', UserStateLen: 'int', Join: 'bool' });
const USER_HEADER = new StructReader({ UserMsgLen: 'int' });

/** Takes all the bytes so far; gives the message once they suffice. */
type Stage = (bytes: Uint8Array) => StreamMessage | 'more';

export class StreamBodyParser {
  private stage: Stage = (bytes) => this.head(bytes);
  private at = 0;

  /** `bytes` is everything so far, from the type byte on. Throws on what can never become right. */
  parse(bytes: Uint8Array): StreamMessage | 'more' {
    try {
      return this.stage(bytes);
    } catch (error) {
      if (error instanceof WireError && error.fault === 'truncated') return 'more';
      throw error;
    }
  }

  private head(bytes: Uint8Array): StreamMessage | 'more' {
    const reader = new MsgpackReader(bytes, 1);
    switch (bytes[0]) {
      case undefined:
        return 'more';
      case MessageType.PUSH_PULL:
        return this.pushPullHeader(reader, bytes);
      case MessageType.USER:
        return this.userHeader(reader, bytes);
      case MessageType.PING:
        return decodePing(reader);
      case MessageType.ACK:
        return decodeAck(reader);
      case MessageType.ERROR:
        return { kind: 'error', error: decodeError(reader) };
      default:
        throw new WireError('unsupported-type', `stream message type ${bytes[0]}`);
    }
  }

  private pushPullHeader(reader: MsgpackReader, bytes: Uint8Array): StreamMessage | 'more' {
    const header = PUSH_PULL_HEADER.read(reader);
    checkCount('Nodes', header.Nodes, NODES_MAX);
    checkCount('UserStateLen', header.UserStateLen, USER_BYTES_MAX);
    this.at = reader.offset;
    const nodes: NodeState[] = [];
    this.stage = (more) => this.nodes(more, { ...header, nodes });
    return this.stage(bytes);
  }

  private nodes(
    bytes: Uint8Array,
    it: {
      readonly Nodes: number;
      readonly UserStateLen: number;
      readonly Join: boolean;
      readonly nodes: NodeState[];
    },
  ): StreamMessage | 'more' {
    const reader = new MsgpackReader(bytes, this.at);
    while (it.nodes.length < it.Nodes) {
      it.nodes.push(decodeNodeState(reader));
      this.at = reader.offset;
    }
    const userState = reader.take(it.UserStateLen).slice();
    return { kind: 'pushPull', join: it.Join, nodes: it.nodes, userState };
  }

  private userHeader(reader: MsgpackReader, bytes: Uint8Array): StreamMessage | 'more' {
    const { UserMsgLen } = USER_HEADER.read(reader);
    checkCount('UserMsgLen', UserMsgLen, USER_BYTES_MAX);
    this.at = reader.offset;
    this.stage = (more) => ({
      kind: 'user',
      payload: new MsgpackReader(more, this.at).take(UserMsgLen).slice(),
    });
    return this.stage(bytes);
  }
}

function checkCount(field: string, value: number, most: number): void {
  if (value >= 0 && value <= most) return;
  throw new WireError('out-of-range', `${field} is ${value}, allowed are 0 to ${most}`);
}
