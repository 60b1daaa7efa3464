/**
 * Whether the running tz data has a zone of this name. Offsets such as `+02:00`, which newer engines take
 * for a zone, have no daylight saving rules and are refused.
 */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
