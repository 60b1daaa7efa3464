/**
 * Takes a stream apart as it arrives, whatever the pieces: label header, encrypted frame, compressed
 * frame, one message. What fails while the layers come off is answered with an error message, what
 * fails after is not: that is how memberlist does it, and its operators read those errors.
 *
 * Invariant: never throws, and holds at most `bytesMax` bytes.
 */
import { concatBytes, readU32 } from './bytes.js';
import { ByteQueue } from './byte-queue.js';
import { decompress } from './compression.js';
import { open } from './encryption-envelope.js';
import { boundLabel, takeLabel } from './label.js';
import { MessageType } from './message-type.js';
import type { StreamMessage } from './messages.js';
import { MsgpackReader } from './msgpack-reader.js';
import { StreamBodyParser } from './stream-body-parser.js';
import { WireError } from './wire-error.js';
import type { WireFault } from './wire-error.js';
import type { WireSettings } from './wire-settings.js';

export const FRAME_BYTES_MAX = 20 * 1_048_576;
const EXPANDED_BYTES_MAX = 40 * 1_048_576;

/** Label, frame header, the largest body there can be and a little of what follows. */
export const STREAM_BYTES_MAX = EXPANDED_BYTES_MAX;

export type StreamDecoding =
  | { readonly kind: 'more' }
  | { readonly kind: 'message'; readonly message: StreamMessage }
  | {
      readonly kind: 'refused';
      readonly fault: WireFault;
      /** To be sent back as an error message; without it the stream is closed in silence. */
      readonly reply?: string;
    };

/** Which end of the connection the bytes come from: only the connecting side writes a label. */
export type StreamSide = 'request' | 'reply';

const MORE = { kind: 'more' } as const;

export class StreamDecoder {
  private readonly queue: ByteQueue;
  private readonly body = new StreamBodyParser();
  private stage: () => StreamDecoding;
  private boundTo: Uint8Array;

  /** A reply is bound to the label with which its request was sent. */
  constructor(
    private readonly settings: WireSettings,
    side: StreamSide,
    options: { readonly label?: Uint8Array; readonly bytesMax?: number } = {},
  ) {
    const { label = settings.labels.own, bytesMax = STREAM_BYTES_MAX } = options;
    this.boundTo = label;
    this.queue = new ByteQueue(bytesMax);
    this.stage = side === 'request' ? () => this.header() : () => this.outer();
  }

  /** The label of the request, to be bound into the answer. */
  get label(): Uint8Array {
    return this.boundTo;
  }

  /** Bytes held now, for the budget that all streams share. */
  get bufferedBytes(): number {
    return this.queue.length;
  }

  push(chunk: Uint8Array): StreamDecoding {
    try {
      this.queue.push(chunk);
      return this.stage();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { kind: 'refused', fault: error.fault };
    }
  }

  private header(): StreamDecoding {
    const bytes = this.queue.peek();
    if (bytes.length === 0) return MORE;
    const headed = bytes[0] === MessageType.HAS_LABEL;
    const wanted = 2 + (bytes[1] ?? 1);
    if (headed && bytes.length < wanted && bytes[1] !== 0) return MORE;
    const { label } = takeLabel(bytes);
    this.boundTo = boundLabel(this.settings, label).slice();
    if (headed) this.queue.drop(wanted);
    return this.enter(() => this.outer());
  }

  private outer(): StreamDecoding {
    const bytes = this.queue.peek();
    const encrypted = bytes[0] === MessageType.ENCRYPT;
    const keyed = this.settings.keyring.primary !== undefined;
    if (bytes.length === 0) return MORE;
    if (encrypted && !keyed) {
      return refuse(
        'not-decryptable',
        'remote state is encrypted and encryption is not configured',
      );
    }
    if (encrypted) return this.enter(() => this.frame());
    if (keyed && this.settings.verifyIncoming) {
      return refuse('not-encrypted', 'encryption is configured but remote state is not encrypted');
    }
    return this.enter(() => this.inner());
  }

  private frame(): StreamDecoding {
    const bytes = this.queue.peek();
    if (bytes.length < 5) return MORE;
    const length = readU32(bytes, 1);
    if (length > FRAME_BYTES_MAX) {
      return refuse('too-large', `remote node state is larger than limit (${length})`);
    }
    if (bytes.length < 5 + length) return MORE;
    const aad = concatBytes([bytes.subarray(0, 5), this.boundTo]);
    return answering(() => {
      const payload = bytes.subarray(5, 5 + length);
      const plain = open(this.settings.crypto, this.settings.keyring, payload, aad);
      return this.whole(plain);
    });
  }

  /** The plaintext stream: maybe compressed, and still arriving. */
  private inner(): StreamDecoding {
    const bytes = this.queue.peek();
    if (bytes[0] !== MessageType.COMPRESS) return this.message(bytes);
    return answering(() => {
      const expanded = expand(bytes);
      return expanded === 'more' ? MORE : this.whole(expanded);
    });
  }

  /** Bytes that are all there: if they do not suffice, they never will. */
  private whole(bytes: Uint8Array): StreamDecoding {
    if (bytes[0] === MessageType.COMPRESS) {
      const expanded = expand(bytes);
      return expanded === 'more'
        ? refuse('truncated', 'compressed data is cut short')
        : this.end(expanded);
    }
    return this.end(bytes);
  }

  private end(bytes: Uint8Array): StreamDecoding {
    try {
      const result = this.message(bytes);
      return result.kind === 'more' ? { kind: 'refused', fault: 'truncated' } : result;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { kind: 'refused', fault: error.fault };
    }
  }

  private message(bytes: Uint8Array): StreamDecoding {
    const message = this.body.parse(bytes);
    return message === 'more' ? MORE : { kind: 'message', message };
  }

  private enter(stage: () => StreamDecoding): StreamDecoding {
    this.stage = stage;
    return stage();
  }
}

function expand(bytes: Uint8Array): Uint8Array | 'more' {
  try {
    return decompress(new MsgpackReader(bytes, 1), EXPANDED_BYTES_MAX);
  } catch (error) {
    if (error instanceof WireError && error.fault === 'truncated') return 'more';
    throw error;
  }
}

/** A failure of the outer layers is told to the other side. */
function answering(step: () => StreamDecoding): StreamDecoding {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return refuse(error.fault, error.message);
  }
}

const refuse = (fault: WireFault, reply: string): StreamDecoding => ({
  kind: 'refused',
  fault,
  reply,
});
