const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A day: longer waits are mistakes. */
const DURATION_MS_MAX = 86_400_000;

/** Milliseconds of a text such as `500ms`, `10s` or `1m30s`; undefined for anything else, zero too. */
export function durationMs(text: string): number | undefined {
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h))+$/.test(text)) return undefined;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    sumMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  }
  return sumMs > 0 && sumMs <= DURATION_MS_MAX ? sumMs : undefined;
}
