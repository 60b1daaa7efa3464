/**
 * The token bucket, in integers. What is missing from the bucket (its deficit) is kept in units so small
 * that both a token and the refill of a millisecond are whole; `common/bucket-scale.ts` says which. This
 * is GCRA: deficit / unitsPerMs is how far its theoretical arrival time is ahead of now.
 *
 * A bucket that is full has no deficit and need not be kept. Debt is a deficit above the capacity: a
 * call that has happened is counted even if the bucket did not have it.
 *
 * Source: ITU-T I.371, annex A (GCRA); the algorithm of Turner, "New directions in communications", 1986.
 */
import type { BucketScale } from '../../common/bucket-scale.js';
import { multiplyDivideCeil } from './multiply-divide.js';

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
