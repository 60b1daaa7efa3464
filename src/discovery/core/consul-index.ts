/**
 * The index of Consul's blocking queries, and its rules: an answer says at which index it was true, and
 * the next question waits until that has passed. An index that goes back (a restored or another
 * cluster) or cannot be read means: ask without waiting. An index of 0 would do the same for ever, so it
 * counts as 1. Source: Consul's documentation of blocking queries.
 */
const NO_WAIT = 0n;

export function nextConsulIndex(previous: bigint, header: string | undefined): bigint {
  if (header === undefined || !/^\d{1,20}$/.test(header)) return NO_WAIT;
  const index = BigInt(header);
  if (index < previous) return NO_WAIT;
  return index > 0n ? index : 1n;
}
