import type { Endpoint } from './core/endpoint.js';
import type { PushPull, StreamMessage } from './core/messages.js';
import { StreamDecoder } from './core/stream-decoder.js';
import type { StreamSide } from './core/stream-decoder.js';
import { encodeReply, encodeRequest } from './core/stream-encoder.js';
import type { WireSettings } from './core/wire-settings.js';
import type { GossipCounters } from './gossip-counters.js';
import type { GossipStream, GossipTransport } from './gossip-transport.js';

/** Streams that peers opened, at a time. */
const INBOUND_MAX = 128;

/** Bytes that all of them may have buffered together: one peer must not exhaust our memory. */
const BUFFERED_BYTES_MAX = 64 * 1_048_576;

export interface AcceptedRequest {
  readonly message: StreamMessage;
  /** The answer is bound to it. */
  readonly label: Uint8Array;
}

/** A stream whose request has been read and wants an answer. */
export interface OpenRequest {
  readonly stream: GossipStream;
  readonly label: Uint8Array;
}

/**
 * Exchanges over streams: what to write, what came back, and for how long to wait. Decides nothing
 * about membership. Every stream ends: by its message, by a fault, or by its deadline.
 */
export class GossipStreams {
  private inbound = 0;
  private bufferedBytes = 0;

  constructor(
    private readonly transport: GossipTransport,
    private readonly wire: WireSettings,
    private readonly counters: GossipCounters,
    private readonly timeoutMs: number,
  ) {}

  /** Reads one request; `undefined` if there was none to answer. */
  async accept(stream: GossipStream): Promise<AcceptedRequest | undefined> {
    if (this.inbound >= INBOUND_MAX) {
      this.counters.add('drop.streams-full');
      stream.close();
      return undefined;
    }
    this.inbound++;
    try {
      stream.setDeadline(this.timeoutMs);
      const decoder = new StreamDecoder(this.wire, 'request');
      const message = await this.read(stream, decoder, 'request');
      return message === undefined ? undefined : { message, label: decoder.label };
    } finally {
      this.inbound--;
    }
  }

  async answer({ stream, label }: OpenRequest, message: StreamMessage): Promise<void> {
    stream.setDeadline(this.timeoutMs);
    await this.write(stream, encodeReply(this.wire, message, label));
    stream.close();
  }

  /** Sends a push/pull and gives the answer; rejects with the reason if there is none. */
  async pushPull(to: Endpoint, request: PushPull): Promise<PushPull> {
    const reply = await this.exchange(to, request, this.timeoutMs);
    if (reply?.kind === 'pushPull') return reply;
    if (reply?.kind === 'error') throw new Error(`remote error: ${reply.error}`);
    throw new Error('the peer closed the stream without an answer');
  }

  /** One request and one answer, if any. */
  async exchange(
    to: Endpoint,
    request: StreamMessage,
    timeoutMs: number,
  ): Promise<StreamMessage | undefined> {
    const stream = await this.transport.dial(to, timeoutMs);
    stream.setDeadline(timeoutMs);
    // Kept, because ours may change before the answer comes.
    const label = this.wire.labels.own;
    try {
      await this.write(stream, encodeRequest(this.wire, request, label));
      stream.setDeadline(timeoutMs);
      const decoder = new StreamDecoder(this.wire, 'reply', { label });
      return await this.read(stream, decoder, 'reply');
    } finally {
      stream.close();
    }
  }

  /** One message without an answer. */
  async send(to: Endpoint, payload: Uint8Array): Promise<void> {
    const stream = await this.transport.dial(to, this.timeoutMs);
    stream.setDeadline(this.timeoutMs);
    try {
      await this.write(
        stream,
        encodeRequest(this.wire, { kind: 'user', payload }, this.wire.labels.own),
      );
    } finally {
      stream.close();
    }
  }

  private async write(stream: GossipStream, bytes: Uint8Array): Promise<void> {
    this.counters.add('stream.bytes.out', bytes.length);
    await stream.write(bytes);
  }

  private async read(
    stream: GossipStream,
    decoder: StreamDecoder,
    side: StreamSide,
  ): Promise<StreamMessage | undefined> {
    let counted = 0;
    try {
      for await (const chunk of stream.chunks()) {
        this.counters.add('stream.bytes.in', chunk.length);
        const result = decoder.push(chunk);
        if (result.kind === 'message') return result.message;
        if (result.kind === 'refused') {
          const label = side === 'request' ? decoder.label : undefined;
          return await this.refuse(stream, result, label);
        }
        this.bufferedBytes += decoder.bufferedBytes - counted;
        counted = decoder.bufferedBytes;
        if (this.bufferedBytes > BUFFERED_BYTES_MAX) {
          return await this.refuse(stream, { fault: 'too-large' }, undefined);
        }
      }
      return undefined;
    } finally {
      this.bufferedBytes -= counted;
    }
  }

  private async refuse(
    stream: GossipStream,
    refusal: { readonly fault: string; readonly reply?: string },
    label: Uint8Array | undefined,
  ): Promise<undefined> {
    this.counters.add(`fault.stream.${refusal.fault}`);
    if (refusal.reply !== undefined && label !== undefined) {
      const answer = { kind: 'error', error: refusal.reply } as const;
      await this.write(stream, encodeReply(this.wire, answer, label));
    }
    return undefined;
  }
}
