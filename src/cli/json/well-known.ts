import type { Duration } from '../../gen/google/protobuf/duration.js';
import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';
import { formatTimestamp, parseTimestamp } from '../input/timestamp.js';
import { type Codec, JsonError, text } from './codec.js';

/** `"1.5s"` */
export const duration: Codec<Duration> = {
  write: ({ seconds, nanos }) => {
    const sign = seconds < 0n || nanos < 0 ? '-' : '';
    const whole = seconds < 0n ? -seconds : seconds;
    const fraction = Math.abs(nanos).toString().padStart(9, '0').replace(/0+$/, '');
    return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}s`;
  },
  read: (json, path) => {
    const found = /^(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text.read(json, path));
    if (!found) throw new JsonError(path, 'must be seconds, such as "60s" or "0.5s"');
    const [, seconds = '', fraction = ''] = found;
    return { seconds: BigInt(seconds), nanos: Number(fraction.padEnd(9, '0')) };
  },
  blank: () => ({ seconds: 0n, nanos: 0 }),
};

/** `"2026-08-01T00:00:00Z"` */
export const timestamp: Codec<Timestamp> = {
  write: formatTimestamp,
  read: (json, path) => {
    const value = text.read(json, path);
    try {
      return parseTimestamp(value);
    } catch (error) {
      throw new JsonError(path, error instanceof Error ? error.message : String(error));
    }
  },
  blank: () => ({ seconds: 0n, nanos: 0 }),
};
