/** What a frame of HTTP/2 says, as far as a caller of {@link FrameConnection} has to know. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  /** Bytes of its payload. */
  readonly length: number;
  /** Empty for {@link FrameType.DATA} and {@link FrameType.HEADERS}: nobody looks into them. */
  readonly payload: Buffer;
}

export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
} as const;

const HEADER_BYTES = 9;
const NOTHING = Buffer.alloc(0);

/** Cuts what comes over a connection into frames, and passes over the bytes that nobody looks into. RFC 9113, 4.1. */
export class FrameReader {
  /** Bytes of a header, or of a payload that is wanted, which have come so far. */
  private kept: Buffer = NOTHING;
  /** Of the frame being read; undefined while its header is. */
  private frame: Frame | undefined;
  /** Bytes of a payload to pass over. */
  private skip = 0;

  constructor(private readonly heard: (frame: Frame) => void) {}

  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length || (this.frame?.length === this.kept.length && this.skip === 0))
      at = this.step(chunk, at);
  }

  private step(chunk: Buffer, at: number): number {
    if (this.skip > 0) {
      const passed = Math.min(this.skip, chunk.length - at);
      this.skip -= passed;
      return at + passed;
    }
    const wanted = this.frame?.length ?? HEADER_BYTES;
    const taken = chunk.subarray(at, at + wanted - this.kept.length);
    const bytes = this.kept.length === 0 ? taken : Buffer.concat([this.kept, taken]);
    if (bytes.length < wanted) this.kept = bytes;
    else this.complete(bytes);
    return at + taken.length;
  }

  private complete(bytes: Buffer): void {
    this.kept = NOTHING;
    const { frame } = this;
    this.frame = undefined;
    if (frame === undefined) this.begin(bytes);
    else this.heard({ ...frame, payload: bytes });
  }

  private begin(header: Buffer): void {
    const frame = {
      type: header.readUInt8(3),
      flags: header.readUInt8(4),
      streamId: header.readUInt32BE(5) & 0x7fff_ffff,
      length: header.readUIntBE(0, 3),
      payload: NOTHING,
    };
    if (frame.type !== FrameType.DATA && frame.type !== FrameType.HEADERS) this.frame = frame;
    else {
      this.skip = frame.length;
      this.heard(frame);
    }
  }
}
