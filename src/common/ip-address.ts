/** IP addresses as 4 or 16 bytes, and as people write them. */

/** For people and for opening sockets; never for comparing. Other lengths show as `?` and hex. */
export function addressText(addr: Uint8Array): string {
  const v4 = ipv4Of(addr);
  if (v4 !== undefined) return v4.join('.');
  if (addr.length === 16) return ipv6Text(addr);
  return `?${Array.from(addr, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** The four bytes of an IPv4 address, plain or mapped into IPv6. */
export function ipv4Of(addr: Uint8Array): Uint8Array | undefined {
  if (addr.length === 4) return addr;
  if (addr.length !== 16) return undefined;
  const mapped = addr.every((byte, i) => (i < 10 ? byte === 0 : i < 12 ? byte === 0xff : true));
  return mapped ? addr.subarray(12) : undefined;
}

/** `10.0.0.1` or `fe80::1` as 4 or 16 bytes; `undefined` if it is neither. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? Uint8Array.from(bytes) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const plain = text.split('%')[0] ?? '';
  const halves = plain.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '');
  const tail = halves.length === 2 ? groups(halves[1] ?? '') : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...Array.from({ length: missing }, () => 0), ...tail]);
}

/** The bytes of `a:b:c`, whose last group may be a dotted IPv4 address. */
function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (part.includes('.') && index === parts.length - 1) {
      const v4 = parseIpv4(part);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const value = Number.parseInt(part, 16);
      bytes.push(value >>> 8, value & 0xff);
    } else return undefined;
  }
  return bytes;
}

function ipv6Text(addr: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) =>
    (((addr[i * 2] ?? 0) << 8) | (addr[i * 2 + 1] ?? 0)).toString(16),
  );
  const zeros = /(^|:)0(:0)+(:|$)/.exec(words.join(':'));
  return zeros === null ? words.join(':') : words.join(':').replace(zeros[0], '::');
}
