import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const UNIT_WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /^(M|mo|mon|months?)$/,
    'A month has no fixed length: write `month`, which follows the calendar.',
  ],
  [/^(Q|q|quarters?)$/, 'A quarter has no fixed length: write `quarter`.'],
  [/^(y|Y|years?)$/, 'A year has no fixed length: write `year`, or 365d.'],
  [/^(min|mins|minutes?)$/, 'Minutes are written `m`, such as 5m.'],
];

/** `250ms`, `30s`, `5m`, `1h`, `7d` or `2w`, in milliseconds. */
export function parseDuration(text: string): number {
  const found = /^(\d+)\s*([A-Za-z]*)$/.exec(text.trim());
  if (!found) throw new InvalidArgumentError(HINT);
  const [, count = '', unit = ''] = found;
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) throw new InvalidArgumentError(hintFor(count, unit));
  const durationMs = Number(count) * unitMs;
  if (!Number.isSafeInteger(durationMs)) throw new InvalidArgumentError('It is too long.');
  return durationMs;
}

/** Milliseconds as a person would say them: `250ms`, `1.5s`, `2m 5s`, `17d 3h`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  if (ms < 60_000) return `${Math.ceil(ms / 100) / 10}s`;
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 3_600) return twoUnits(seconds, 60, 'm', 's');
  if (seconds < 86_400) return twoUnits(Math.ceil(seconds / 60), 60, 'h', 'm');
  return twoUnits(Math.ceil(seconds / 3_600), 24, 'd', 'h');
}

const HINT = 'Give a number and a unit: 250ms, 30s, 5m, 1h, 7d or 2w.';

function hintFor(count: string, unit: string): string {
  if (unit === '') return `Which unit? For ${count} seconds write ${count}s. ${HINT}`;
  const word = UNIT_WORDS.find(([pattern]) => pattern.test(unit));
  return word ? word[1] : `Unknown unit \`${unit}\`. ${HINT}`;
}

function twoUnits(amount: number, base: number, big: string, small: string): string {
  const rest = amount % base;
  return `${Math.floor(amount / base)}${big}${rest === 0 ? '' : ` ${rest}${small}`}`;
}
