import { setTimeout as delay } from 'node:timers/promises';

/** Waits until a condition holds; fails with its name, and what was seen last, when time is up. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    await delay(20);
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}; seen last: ${String(last)}`);
}
