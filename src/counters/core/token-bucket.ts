/**
 * The token bucket, in integers. What is missing from the bucket (its deficit) is kept in units so small
 * that both a token and the refill of a millisecond are whole: a token costs `unitsPerToken` =
 * refillMs / g and every millisecond brings back `unitsPerMs` = refillAmount / g, where g is 1 or, for
 * large numbers, their greatest common divisor. This is GCRA: deficit / unitsPerMs is how far its
 * theoretical arrival time is ahead of now.
 *
 * A bucket that is full has no deficit and need not be kept. Debt is a deficit above the capacity: a
 * call that has happened is counted even if the bucket did not have it.
 *
 * Source: ITU-T I.371, annex A (GCRA); the algorithm of Turner, "New directions in communications", 1986.
 */
import type { BucketSpec } from './counter.js';
import { multiplyDivideCeil } from './multiply-divide.js';

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

export function scaleOf({ maximum, refillAmount, refillMs }: BucketSpec): BucketScale {
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
export function isExactBucket(spec: BucketSpec): boolean {
  const { refillAmount, refillMs, maximum } = spec;
  const areWhole = [refillAmount, refillMs, maximum].every(Number.isSafeInteger);
  if (!areWhole || refillAmount < 1 || refillMs < 1 || maximum < 0) return false;
  const { unitsPerToken, capacityUnits } = scaleOf(spec);
  return unitsPerToken <= UNITS_PER_TOKEN_MAX && capacityUnits <= CAPACITY_UNITS_MAX;
}

/** The deficit after a time without takes. */
export function refilled(deficitUnits: number, elapsedMs: number, scale: BucketScale): number {
  const back = elapsedMs * scale.unitsPerMs;
  return back < deficitUnits ? deficitUnits - back : 0;
}

/** The deficit once `amount` is taken, which may be debt. Stops at the largest exact integer. */
export function drained(deficitUnits: number, amount: number, scale: BucketScale): number {
  return Math.min(Number.MAX_SAFE_INTEGER, deficitUnits + amount * scale.unitsPerToken);
}

/** The deficit once `amount` is given back: never less than none. */
export function restored(deficitUnits: number, amount: number, scale: BucketScale): number {
  return Math.max(0, deficitUnits - amount * scale.unitsPerToken);
}

/** Milliseconds until the deficit has fallen to `units`. */
export function refillTimeMs(deficitUnits: number, units: number, scale: BucketScale): number {
  return deficitUnits <= units ? 0 : Math.ceil((deficitUnits - units) / scale.unitsPerMs);
}

/** A deficit in the units of another rate, rounded up: a changed bucket keeps its fill. */
export function rescaled(deficitUnits: number, unitsPerToken: number, scale: BucketScale): number {
  if (unitsPerToken === scale.unitsPerToken) return deficitUnits;
  const exact = multiplyDivideCeil(deficitUnits, scale.unitsPerToken, unitsPerToken);
  return Math.min(Number.MAX_SAFE_INTEGER, exact);
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
