import { InvalidArgumentError } from 'commander';

const NANO_DIGITS = 9;
const INT64_MAX = 2n ** 63n - 1n;

/**
 * US dollars as typed (`25`, `0.000000001`) to nano-USD, digit by digit. No number in between: a
 * floating-point dollar is how money gets lost.
 */
export function parseUsd(text: string): bigint {
  const found = /^\$?(\d+)(?:\.(\d+))?$/.exec(text.trim());
  if (!found) throw new InvalidArgumentError(whatIsWrong(text));
  const [, dollars = '', fraction = ''] = found;
  if (fraction.length > NANO_DIGITS) {
    throw new InvalidArgumentError(
      `It has ${fraction.length} decimals; the smallest amount is 0.000000001 (9 decimals).`,
    );
  }
  if (dollars.length > 20) throw tooLarge();
  const nanos = BigInt(dollars + fraction.padEnd(NANO_DIGITS, '0'));
  if (nanos > INT64_MAX) throw tooLarge();
  return nanos;
}

/** Nano-USD as dollars, with two decimals or as many as it takes to be exact: `0.011`, `25.00`. */
export function formatUsd(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(NANO_DIGITS + 1, '0');
  const fraction = digits.slice(-NANO_DIGITS).replace(/0{1,7}$/, '');
  return `${sign}$${digits.slice(0, -NANO_DIGITS)}.${fraction}`;
}

function whatIsWrong(text: string): string {
  if (text.trim().startsWith('-')) return 'An amount is never negative.';
  if (text.includes(',')) return 'Write it without thousands separators and with a decimal point.';
  return 'Give US dollars as a decimal number, such as 25 or 0.0125.';
}

const tooLarge = (): InvalidArgumentError =>
  new InvalidArgumentError('The largest amount is 9223372036.854775807.');
