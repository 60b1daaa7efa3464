import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the condition holds; after the deadline it fails and says what it waited for. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    await delay(10);
  }
}
