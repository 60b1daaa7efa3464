import { setTimeout as delay } from 'node:timers/promises';

type Sought<T> = T | undefined | false;

/**
 * Waits for a condition, never for a time, and gives the value that it comes to; after the deadline it fails and says what
 * it waited for, as it is then. The deadline is no claim: it is long enough for a machine that has much else to do.
 */
export async function waitFor<T>(
  what: string | (() => string),
  condition: () => Sought<T> | Promise<Sought<T>>,
  deadlineMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline)
      throw new Error(
        `waited ${deadlineMs} ms in vain: ${typeof what === 'string' ? what : what()}`,
      );
    await delay(10);
  }
}

/** The same for a condition that holds or does not, said in a sentence. */
export async function eventually(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  deadlineMs?: number,
): Promise<void> {
  await waitFor(what, condition, deadlineMs);
}
