/**
 * The numbers of a token bucket, in integers: a token costs `unitsPerToken` = refillMs / g units and every
 * millisecond brings back `unitsPerMs` = refillAmount / g, where g is 1 or, for large numbers, their
 * greatest common divisor. Here because both who declares a bucket and who counts in it must know which
 * buckets can be counted exactly.
 */
export interface BucketRate {
  /** The burst: an integer. */
  readonly maximum: number;
  /** What comes back in every `refillMs`: integers, 1 or more. */
  readonly refillAmount: number;
  readonly refillMs: number;
}

export interface BucketScale {
  readonly unitsPerToken: number;
  readonly unitsPerMs: number;
  /** Of the whole bucket. */
  readonly capacityUnits: number;
  /** How long an epoch is: at least as long as the bucket takes to fill. */
  readonly epochMs: number;
}

/** Leaves room below 2^53 for debt: eight times the bucket. */
const CAPACITY_UNITS_MAX = 2 ** 50;
/** The unit is kept in a word. */
const UNITS_PER_TOKEN_MAX = 0xffff_ffff;

export function scaleOf({ maximum, refillAmount, refillMs }: BucketRate): BucketScale {
  const isSmall = maximum * refillMs <= CAPACITY_UNITS_MAX && refillMs <= UNITS_PER_TOKEN_MAX;
  const g = isSmall ? 1 : greatestCommonDivisor(refillAmount, refillMs);
  const unitsPerToken = refillMs / g;
  const unitsPerMs = refillAmount / g;
  const capacityUnits = maximum * unitsPerToken;
  const epochMs = epochLengthMs(capacityUnits / unitsPerMs);
  return { unitsPerToken, unitsPerMs, capacityUnits, epochMs };
}

/**
 * Whether a bucket can be counted exactly. If not, burst times refill time is too large for the numbers
 * that are exact; a rounder rate (one with a larger common divisor) helps.
 */
export function isExactBucket(rate: BucketRate): boolean {
  const { refillAmount, refillMs, maximum } = rate;
  const areWhole = [refillAmount, refillMs, maximum].every(Number.isSafeInteger);
  if (!areWhole || refillAmount < 1 || refillMs < 1 || maximum < 0) return false;
  const { unitsPerToken, capacityUnits } = scaleOf(rate);
  return unitsPerToken <= UNITS_PER_TOKEN_MAX && capacityUnits <= CAPACITY_UNITS_MAX;
}

const EPOCH_MS_MIN = 60_000;

/** A minute, doubled until the bucket fills within it: a small change of the rate begins no new epoch. */
function epochLengthMs(fillMs: number): number {
  let lengthMs = EPOCH_MS_MIN;
  while (lengthMs < fillMs) lengthMs *= 2;
  return lengthMs;
}

function greatestCommonDivisor(a: number, b: number): number {
  let [large, small] = [a, b];
  while (small !== 0) [large, small] = [small, large % small];
  return large;
}
