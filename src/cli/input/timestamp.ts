import { InvalidArgumentError } from 'commander';
import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})$/;

/** `2026-08-01T00:00:00Z` (RFC 3339, up to 9 decimals) or a day, `2026-08-01`, in UTC. */
export function parseTimestamp(text: string): Timestamp {
  const full = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const found = RFC3339.exec(full);
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = found ?? [];
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const ms = found ? Date.parse(`${wall}${zone.toUpperCase()}`) : Number.NaN;
  // Date.parse lets February 30 become March 1; the round trip does not.
  if (Number.isNaN(ms) || new Date(`${wall}Z`).toISOString().slice(0, 19) !== wall) {
    throw new InvalidArgumentError(
      'Give a time such as 2026-08-01T09:00:00Z, or 2026-08-01 (UTC).',
    );
  }
  return { seconds: BigInt(ms / 1_000), nanos: Number(fraction.padEnd(9, '0')) };
}

/** RFC 3339 in UTC, with as many decimals as there are: seconds, milliseconds or nanoseconds. */
export function formatTimestamp({ seconds, nanos }: Timestamp): string {
  const date = new Date(Number(seconds) * 1_000);
  if (Number.isNaN(date.getTime())) return `${seconds}s since 1970`;
  const whole = date.toISOString().slice(0, -5);
  const digits = nanos.toString().padStart(9, '0');
  if (nanos === 0) return `${whole}Z`;
  return `${whole}.${nanos % 1_000_000 === 0 ? digits.slice(0, 3) : digits}Z`;
}
