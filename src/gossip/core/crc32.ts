/**
 * CRC-32 as zlib and Ethernet have it (reflected 0xEDB88320). Here because `core/` is pure and
 * Node's own `zlib.crc32` came only with 20.15; a table of 256 entries does a byte in a nanosecond
 * or two, which is nothing beside the packet's system call.
 */
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb8_8320 ^ (value >>> 1) : value >>> 1;
  return value;
});

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}
