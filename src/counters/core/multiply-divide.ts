/**
 * a * b / c, exact for integers from 0 to 2^53 - 1 where the result is one too. A token limit times the
 * milliseconds of a month passes 2^53; only then is the slow way taken. On the fast way the product is
 * exact, and a quotient that is not whole differs from a whole number by at least 1 / c, which is more
 * than half a unit in its last place, so that rounding cannot reach it.
 */
export function multiplyDivideFloor(a: number, b: number, c: number): number {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / c);
  return Number((BigInt(a) * BigInt(b)) / BigInt(c));
}

/** As {@link multiplyDivideFloor}, rounded up. */
export function multiplyDivideCeil(a: number, b: number, c: number): number {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) return Math.ceil(product / c);
  const divisor = BigInt(c);
  return Number((BigInt(a) * BigInt(b) + divisor - 1n) / divisor);
}
