/**
 * Reads one Go struct from msgpack: a map with the field names as keys, or an array in the order of
 * declaration. Unknown keys are skipped, missing ones keep their zero; a value that does not fit
 * its field is an error, as it is in Go.
 */
import { assert, unreachable } from '../../common/assert.js';
import { utf8Text } from './bytes.js';
import type { MsgpackHead } from './msgpack-reader.js';
import { MsgpackReader } from './msgpack-reader.js';
import { WireError } from './wire-error.js';

export type FieldKind = 'u8' | 'u16' | 'u32' | 'int' | 'bool' | 'text' | 'bytes';

/** Fields in the order of declaration. */
export type Schema = Readonly<Record<string, FieldKind>>;

type FieldValue<K extends FieldKind> = K extends 'bool'
  ? boolean
  : K extends 'text'
    ? string
    : K extends 'bytes'
      ? Uint8Array | undefined
      : number;

export type Struct<S extends Schema> = { -readonly [F in keyof S]: FieldValue<S[F]> };

/** Names, keys and errors are text; more than this in one is not a name. */
const TEXT_BYTES_MAX = 65_535;

export class StructReader<S extends Schema> {
  private readonly names: readonly string[];
  private readonly keys: ReadonlySet<string>;

  constructor(private readonly schema: S) {
    this.names = Object.keys(schema);
    this.keys = new Set(this.names);
  }

  read(reader: MsgpackReader): Struct<S> {
    const values: Record<string, unknown> = {};
    for (const name of this.names) values[name] = zero(this.kindOf(name));
    const head = reader.next();
    if (head.kind === 'map') this.readMap(reader, head.length, values);
    else if (head.kind === 'array') this.readArray(reader, head.length, values);
    else throw new WireError('malformed', 'expected a map or an array');
    assert(this.isComplete(values), 'every field of the schema has a value');
    return values;
  }

  private readMap(reader: MsgpackReader, length: number, values: Record<string, unknown>): void {
    for (let i = 0; i < length; i++) {
      const key = textOf(reader.next());
      if (this.keys.has(key)) values[key] = readField(reader, this.kindOf(key));
      else reader.skip();
    }
  }

  private readArray(reader: MsgpackReader, length: number, values: Record<string, unknown>): void {
    for (let i = 0; i < length; i++) {
      const name = this.names[i];
      if (name === undefined) reader.skip();
      else values[name] = readField(reader, this.kindOf(name));
    }
  }

  /** Each field began as the zero of its kind, and `readField` gives only values of its kind. */
  private isComplete(values: Record<string, unknown>): values is Struct<S> {
    return this.names.every((name) => name in values);
  }

  private kindOf(name: string): FieldKind {
    return this.schema[name] ?? 'bytes';
  }
}

function zero(kind: FieldKind): unknown {
  if (kind === 'bool') return false;
  if (kind === 'text') return '';
  return kind === 'bytes' ? undefined : 0;
}

function readField(reader: MsgpackReader, kind: FieldKind): unknown {
  const head = reader.next();
  if (head.kind === 'nil') return zero(kind);
  switch (kind) {
    case 'bool':
      if (head.kind !== 'boolean') throw wrongKind('bool');
      return head.value;
    case 'text':
      return textOf(head);
    case 'bytes':
      return bytesOf(reader, head);
    case 'u8':
      return integerOf(head, 0, 0xff);
    case 'u16':
      return integerOf(head, 0, 0xffff);
    case 'u32':
      return integerOf(head, 0, 0xffff_ffff);
    case 'int':
      return integerOf(head, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    default:
      return unreachable(kind);
  }
}

function integerOf(head: MsgpackHead, least: number, most: number): number {
  if (head.kind !== 'integer') throw wrongKind('integer');
  if (head.value < least || head.value > most) {
    throw new WireError('out-of-range', `${head.value} does not fit its field`);
  }
  return head.value;
}

function textOf(head: MsgpackHead): string {
  if (head.kind !== 'bytes') throw wrongKind('string');
  if (head.value.length > TEXT_BYTES_MAX) throw new WireError('too-large', 'string too long');
  const text = utf8Text(head.value);
  if (text === undefined) throw new WireError('malformed', 'string is not UTF-8');
  return text;
}

/** Copied, because the packet's buffer may live in a pool while the member lives for days. */
function bytesOf(reader: MsgpackReader, head: MsgpackHead): Uint8Array {
  if (head.kind === 'bytes') return head.value.slice();
  if (head.kind !== 'array') throw wrongKind('bytes');
  const bytes: number[] = [];
  for (let i = 0; i < head.length; i++) bytes.push(integerOf(reader.next(), 0, 0xff));
  return Uint8Array.from(bytes);
}

const wrongKind = (wanted: string): WireError => new WireError('malformed', `expected ${wanted}`);
