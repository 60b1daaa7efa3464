export interface Load {
  readonly seconds: number;
  /** Calls in flight at once. */
  readonly concurrency: number;
}

/** Keeps the same number of calls in flight until the time is over; answers how many were answered. */
export async function hammer(
  call: (n: number) => Promise<unknown>,
  { seconds, concurrency }: Load,
): Promise<number> {
  const until = performance.now() + seconds * 1_000;
  let calls = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < until) await call(calls++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return calls;
}
