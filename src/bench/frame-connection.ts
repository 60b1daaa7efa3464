/**
 * A caller that costs next to nothing: one unary call, sent again and again over a plain socket, as
 * frames of HTTP/2 that were made once. It does not look into answers, but sees whether there was one (a
 * message) or only a status. It keeps to what HTTP/2 asks of a client: windows, the number of open
 * streams, settings and pings. What it may not send yet waits here, as it would in any client.
 *
 * Source: RFC 9113 (frames), RFC 7541 (headers, all of them literal), gRPC over HTTP2.
 */
import { connect, type Socket } from 'node:net';
import { type Frame, FrameReader, FrameType } from './frame-reader.js';

export type CallEnd = 'answered' | 'refused' | 'broken';
type Heard = (end: CallEnd) => void;

export interface UnaryBytes {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Of one frame, so below 16 KiB. */
  readonly message: Uint8Array;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const ACK = 0x1;
const MAX_CONCURRENT_STREAMS = 3;
const INITIAL_WINDOW_SIZE = 4;
const WINDOW_AT_FIRST = 65_535;
const WINDOW_MAX = 0x7fff_ffff;
/** Bytes received after which the window is opened again. */
const REOPENED_AFTER = 2 ** 28;

interface OpenCall {
  hasMessage: boolean;
  readonly heard: Heard;
}

export class FrameConnection {
  private readonly open = new Map<number, OpenCall>();
  private readonly waiting: Heard[] = [];
  private readonly template: Buffer;
  private readonly dataAt: number;
  private readonly dataBytes: number;
  private nextStreamId = 1;
  private window = WINDOW_AT_FIRST;
  private streamsMax = 100;
  private received = 0;

  private constructor(
    private readonly socket: Socket,
    { path, message }: UnaryBytes,
  ) {
    const headers = headersFrame(path);
    const data = dataFrame(message);
    this.template = Buffer.concat([headers, data]);
    this.dataAt = headers.length;
    this.dataBytes = data.length - 9;
    const reader = new FrameReader((frame) => this.hear(frame));
    socket.on('data', (chunk) => reader.read(chunk));
    socket.on('close', () => this.breakAll());
    socket.on('error', () => socket.destroy());
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
    settings.writeUInt32BE(WINDOW_MAX, 2);
    socket.write(PREFACE);
    this.send(FrameType.SETTINGS, 0, settings);
    this.openWindow(WINDOW_MAX - WINDOW_AT_FIRST);
  }

  static async to(address: string, call: UnaryBytes): Promise<FrameConnection> {
    const colon = address.lastIndexOf(':');
    const socket = connect({
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
    });
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new FrameConnection(socket, call);
  }

  /** Sends the call as soon as it may; `heard` is told how it ended. */
  call(heard: Heard): void {
    this.waiting.push(heard);
    this.sendWaiting();
  }

  close(): void {
    this.socket.destroy();
  }

  private sendWaiting(): void {
    while (this.open.size < this.streamsMax && this.window >= this.dataBytes) {
      const heard = this.waiting.shift();
      if (heard === undefined) return;
      this.begin(heard);
    }
  }

  private begin(heard: Heard): void {
    const streamId = this.nextStreamId;
    this.nextStreamId += 2;
    this.window -= this.dataBytes;
    this.open.set(streamId, { hasMessage: false, heard });
    const bytes = Buffer.from(this.template);
    bytes.writeUInt32BE(streamId, 5);
    bytes.writeUInt32BE(streamId, this.dataAt + 5);
    this.socket.write(bytes);
  }

  private hear(frame: Frame): void {
    const { type, flags, streamId, payload } = frame;
    if (type === FrameType.DATA) this.hearData(frame);
    else if (type === FrameType.HEADERS && (flags & END_STREAM) !== 0) this.end(streamId);
    else if (type === FrameType.RST_STREAM) this.end(streamId, 'broken');
    else if (type === FrameType.GOAWAY) this.socket.destroy();
    else if (type === FrameType.PING && (flags & ACK) === 0)
      this.send(FrameType.PING, ACK, payload);
    else if (type === FrameType.SETTINGS && (flags & ACK) === 0) this.adopt(payload);
    else if (type === FrameType.WINDOW_UPDATE && streamId === 0) {
      this.window += payload.readUInt32BE(0);
      this.sendWaiting();
    }
  }

  private hearData({ streamId, length }: Frame): void {
    const call = this.open.get(streamId);
    if (call !== undefined) call.hasMessage = true;
    this.received += length;
    if (this.received < REOPENED_AFTER) return;
    this.openWindow(this.received);
    this.received = 0;
  }

  private end(streamId: number, end?: CallEnd): void {
    const call = this.open.get(streamId);
    if (call === undefined) return;
    this.open.delete(streamId);
    call.heard(end ?? (call.hasMessage ? 'answered' : 'refused'));
    this.sendWaiting();
  }

  private adopt(settings: Buffer): void {
    for (let at = 0; at + 6 <= settings.length; at += 6)
      if (settings.readUInt16BE(at) === MAX_CONCURRENT_STREAMS)
        this.streamsMax = settings.readUInt32BE(at + 2);
    this.send(FrameType.SETTINGS, ACK, Buffer.alloc(0));
    this.sendWaiting();
  }

  private breakAll(): void {
    const calls = [...[...this.open.values()].map(({ heard }) => heard), ...this.waiting];
    this.open.clear();
    this.waiting.length = 0;
    for (const heard of calls) heard('broken');
  }

  private openWindow(by: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(by);
    this.send(FrameType.WINDOW_UPDATE, 0, payload);
  }

  private send(type: number, flags: number, payload: Buffer): void {
    this.socket.write(frameOf(type, flags, payload));
  }
}

/** A frame of stream 0; whoever sends it on another one writes its number at byte 5. */
function frameOf(type: number, flags: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(9 + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame.writeUInt8(type, 3);
  frame.writeUInt8(flags, 4);
  frame.set(payload, 9);
  return frame;
}

const headersFrame = (path: string): Buffer =>
  frameOf(
    FrameType.HEADERS,
    END_HEADERS,
    Buffer.concat([
      literal(':method', 'POST'),
      literal(':scheme', 'http'),
      literal(':path', path),
      literal(':authority', 'bench'),
      literal('content-type', 'application/grpc'),
      literal('te', 'trailers'),
    ]),
  );

/** A header that leaves no trace in the tables of compression; names and values below 127 bytes. */
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);

function dataFrame(message: Uint8Array): Buffer {
  const prefixed = Buffer.alloc(5 + message.length);
  prefixed.writeUInt32BE(message.length, 1);
  prefixed.set(message, 5);
  return frameOf(FrameType.DATA, END_STREAM, prefixed);
}
