import { InvalidArgumentError } from 'commander';
import { parseDuration } from './duration.js';
import { parseCount } from './numbers.js';
import { parseUsd } from './usd.js';

/** How much: of requests or tokens, or of US dollars, which say so. */
export interface Quantity {
  /** A count, or nano-USD. */
  readonly value: bigint;
  readonly isUsd: boolean;
}

export interface Rate {
  readonly amount: Quantity;
  readonly intervalMs: number;
}

/** `100`, or `0.50usd`. */
export function parseQuantity(text: string): Quantity {
  const word = text.trim();
  if (/usd$/i.test(word)) return { value: parseUsd(word.slice(0, -3)), isUsd: true };
  return { value: parseCount(word), isUsd: false };
}

/** `10/s`, `100/5m` or `0.50usd/1h`. */
export function parseRate(text: string): Rate {
  const [amount, interval, ...rest] = text.split('/').map((part) => part.trim());
  if (amount === undefined || interval === undefined || rest.length > 0)
    throw new InvalidArgumentError('Give how much comes back in which time: 10/s, 100/5m.');
  const intervalMs = parseDuration(/^\d/.test(interval) ? interval : `1${interval}`);
  return { amount: parseQuantity(amount), intervalMs };
}
