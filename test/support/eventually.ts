import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until the condition holds; after the deadline it fails and says what it waited for, as it is then. The deadline is
 * no claim: it is long enough for a machine that has much else to do.
 */
export async function eventually(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(
        `waited ${deadlineMs} ms in vain until ${typeof what === 'string' ? what : what()}`,
      );
    await delay(10);
  }
}
