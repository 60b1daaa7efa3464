/** Byte strings: compared by content, joined by copy. Nothing here knows what the bytes mean. */

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Equal content. Nil and empty are the same to the protocol, hence the `undefined`. */
export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  const left = a ?? NO_BYTES;
  const right = b ?? NO_BYTES;
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Big-endian, unsigned. The caller has checked that four bytes are there. */
export function readU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  const low = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  return high * 0x1_0000 + low;
}

export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function u32Bytes(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** The text, or `undefined` for bytes that are not UTF-8: a name must come back byte for byte. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  let ascii = '';
  for (const byte of bytes) {
    if (byte > 0x7f) return strictText(bytes);
    ascii += String.fromCharCode(byte);
  }
  return ascii;
}

function strictText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
