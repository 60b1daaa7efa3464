/**
 * The compress layer: `09` and a map of the algorithm (0, LZW, is the only one) and the data. On
 * packets it is used only when it saves bytes; on streams always, as memberlist does.
 */
import { lzwDecode } from './lzw-decoder.js';
import { lzwEncode } from './lzw-encoder.js';
import { MessageType } from './message-type.js';
import type { MsgpackReader } from './msgpack-reader.js';
import { MsgpackWriter } from './msgpack-writer.js';
import { StructReader } from './struct-reader.js';
import { NO_BYTES } from './bytes.js';
import { WireError } from './wire-error.js';

const COMPRESS = new StructReader({ Algo: 'u8', Buf: 'bytes' });
const LZW = 0;

export function compress(bytes: Uint8Array): Uint8Array {
  const packed = lzwEncode(bytes);
  const writer = new MsgpackWriter(packed.length + 24);
  writer.byte(MessageType.COMPRESS);
  writer.mapHeader(2);
  writer.key('Algo');
  writer.unsigned(LZW);
  writer.key('Buf');
  writer.raw(packed);
  return writer.finish();
}

/** What follows the type byte, expanded; refuses to make more than `bytesMax`. */
export function decompress(reader: MsgpackReader, bytesMax: number): Uint8Array {
  const it = COMPRESS.read(reader);
  if (it.Algo !== LZW) {
    throw new WireError('bad-compression', `unknown compression algorithm ${it.Algo}`);
  }
  return lzwDecode(it.Buf ?? NO_BYTES, bytesMax);
}
