import { InvalidArgumentError } from 'commander';

const INT64_MAX = 2n ** 63n - 1n;

/** A whole number from 0 to 2^63 - 1. */
export function parseCount(text: string): bigint {
  if (!/^\d{1,19}$/.test(text)) {
    throw new InvalidArgumentError('Give a whole number, 0 or more, without separators.');
  }
  const count = BigInt(text);
  if (count > INT64_MAX) throw new InvalidArgumentError(`The largest number is ${INT64_MAX}.`);
  return count;
}

/** A parser of whole numbers within bounds, for an option. */
export function integerBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
  };
}

export function parseFactor(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 1_000_000) return value;
  throw new InvalidArgumentError('Give a number from 0 to 1000000.');
}
