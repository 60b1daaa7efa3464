import { type WallMs, wallMs } from '../../common/time.js';
import type { Violations } from './violations.js';

/** The last millisecond of the year 9999, where protobuf's time stamps end. */
const TIME_MS_MAX = 253_402_300_799_999;

export function checkTime(
  ms: number | undefined,
  field: string,
  found: Violations,
): WallMs | undefined {
  if (ms === undefined) return undefined;
  if (!Number.isInteger(ms) || ms < 0 || ms > TIME_MS_MAX) {
    found.add(field, 'must be a time in whole milliseconds, of the years 1970 to 9999');
  }
  return wallMs(ms);
}
