/**
 * Reads checks off the wire, straight into what the decision takes (ADR 0038). Where anything is met that
 * is not read here (a field that was added to the proto file, text beyond ASCII, a huge number, bytes that
 * are no message), all of it is left to the generated decoder: that works at once, and only costs more.
 */
import { BatchCheckLimitRequest, CheckLimitRequest } from '../gen/weir/v1/quota_service.js';
import { AsciiTexts } from '../rpc/ascii-texts.js';
import type { RawCheck, Subject } from './core/calls.js';
import { toRawCheck } from './quota-proto.js';

const NONE: Subject = { kind: 'none' };
const NO_LABELS: Record<string, string> = Object.freeze({});
/** Varints of more bytes than this are not exact in a number. */
const VARINT_BYTES_MAX = 7;
const NANOS_MAX = 999_999_999;
/** Tags that are met in more than one message: the number of a field, and how it is written. */
const FIRST_BYTES = 0x0a;
const SECOND_BYTES = 0x12;

export function decodeCheck(bytes: Buffer): RawCheck {
  return reader.check(bytes) ?? toRawCheck(CheckLimitRequest.decode(bytes));
}

export function decodeCheckBatch(bytes: Buffer): readonly RawCheck[] {
  return reader.batch(bytes) ?? BatchCheckLimitRequest.decode(bytes).checks.map(toRawCheck);
}

/** A `StreamRequest` with checks only; undefined if it is anything else. */
export function readCheckStream(bytes: Buffer): CheckStream | undefined {
  return reader.stream(bytes);
}

interface CheckStream {
  readonly id: bigint;
  readonly checks: readonly RawCheck[];
}

type Fields = { -readonly [K in keyof Omit<RawCheck, 'labels'>]: RawCheck[K] } & {
  labels: Record<string, string>;
};

class CheckReader {
  private readonly texts = new AsciiTexts();
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  /** Something was met that this reader leaves to others. */
  private isStrange = false;

  /** Undefined: read it by other means. */
  batch(bytes: Buffer): readonly RawCheck[] | undefined {
    this.begin(bytes);
    const checks: RawCheck[] = [];
    while (this.at < bytes.length) {
      if (bytes[this.at++] !== FIRST_BYTES) return undefined;
      checks.push(this.fields(this.end(bytes.length)));
      if (this.isStrange) return undefined;
    }
    return checks;
  }

  /** Undefined: read it by other means. */
  stream(bytes: Buffer): CheckStream | undefined {
    this.begin(bytes);
    const checks: RawCheck[] = [];
    let id = 0n;
    while (this.at < bytes.length) {
      const tag = bytes[this.at++];
      if (tag === 0x08) id = BigInt(this.varint());
      else if (tag === SECOND_BYTES) checks.push(this.fields(this.end(bytes.length)));
      else return undefined;
      if (this.isStrange) return undefined;
    }
    return { id, checks };
  }

  /** Undefined: read it by other means. */
  check(bytes: Buffer): RawCheck | undefined {
    this.begin(bytes);
    const check = this.fields(bytes.length);
    return this.isStrange ? undefined : check;
  }

  private begin(bytes: Buffer): void {
    this.bytes = bytes;
    this.at = 0;
    this.isStrange = false;
  }

  private fields(end: number): RawCheck {
    const fields: Fields = {
      subject: NONE,
      provider: '',
      model: '',
      labels: NO_LABELS,
      requests: undefined,
      amountNanos: 0n,
      inputTokens: 0n,
      maxOutputTokens: 0n,
      tokens: undefined,
      dryRun: false,
      noHold: false,
      reservationKey: '',
      reserveTtlMs: undefined,
    };
    while (this.at < end && !this.isStrange) this.field(fields, end);
    this.requireAt(end);
    return fields;
  }

  /** By tag, in the order of the proto file. */
  private field(fields: Fields, end: number): void {
    const tag = this.bytes[this.at++] ?? 0;
    switch (tag) {
      case FIRST_BYTES:
        fields.subject = { kind: 'secret', secret: this.text(end) };
        return;
      case SECOND_BYTES:
        fields.subject = { kind: 'key', keyId: this.text(end) };
        return;
      case 0x1a:
        fields.provider = this.text(end);
        return;
      case 0x22:
        fields.model = this.text(end);
        return;
      case 0x2a:
        if (fields.labels === NO_LABELS) fields.labels = {};
        this.label(fields.labels, this.end(end));
        return;
      case 0x30:
        fields.requests = this.amount();
        return;
      case 0x38:
        fields.amountNanos = this.amount();
        return;
      case 0x40:
        fields.dryRun = this.varint() !== 0;
        return;
      case 0x4a:
        fields.reservationKey = this.text(end);
        return;
      case 0x52:
        fields.reserveTtlMs = this.duration(this.end(end));
        return;
      case 0x58:
        fields.noHold = this.varint() !== 0;
        return;
      case 0x60:
        fields.inputTokens = this.amount();
        return;
      case 0x68:
        fields.maxOutputTokens = this.amount();
        return;
      case 0x70:
        fields.tokens = this.amount();
        return;
      default:
        this.isStrange = true;
    }
  }

  private label(labels: Record<string, string>, end: number): void {
    let name = '';
    let value = '';
    while (this.at < end && !this.isStrange) {
      const tag = this.bytes[this.at++];
      if (tag === FIRST_BYTES) name = this.text(end);
      else if (tag === SECOND_BYTES) value = this.text(end);
      else this.isStrange = true;
    }
    this.requireAt(end);
    labels[name] = value;
  }

  /** In milliseconds. */
  private duration(end: number): number {
    let seconds = 0;
    let nanos = 0;
    while (this.at < end && !this.isStrange) {
      const tag = this.bytes[this.at++];
      if (tag === 0x08) seconds = this.varint();
      else if (tag === 0x10) nanos = this.varint();
      else this.isStrange = true;
    }
    if (nanos > NANOS_MAX) this.isStrange = true;
    this.requireAt(end);
    return seconds * 1_000 + nanos / 1_000_000;
  }

  private text(endMax: number): string {
    const end = this.end(endMax);
    const start = this.at;
    if (this.isStrange) return '';
    this.at = end;
    return this.texts.read(this.bytes, start, end) ?? this.strange('');
  }

  /** Where something ends that begins with its length. */
  private end(endMax: number): number {
    const length = this.varint();
    const end = this.at + length;
    return end > endMax ? this.strange(endMax) : end;
  }

  /** What is inside of a message must not go beyond it. */
  private requireAt(end: number): void {
    if (this.at !== end) this.isStrange = true;
  }

  private amount(): bigint {
    const value = this.varint();
    return value === 0 ? 0n : value === 1 ? 1n : BigInt(value);
  }

  private varint(): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
    return this.strange(0);
  }

  private strange<T>(value: T): T {
    this.isStrange = true;
    return value;
  }
}

const reader = new CheckReader();
