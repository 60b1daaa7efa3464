import { monitorEventLoopDelay } from 'node:perf_hooks';

/** A fifth of what a probe may take: whoever is late by more than that may be doubted with reason. */
const STALL_MS = 100;
const ATTEMPTS_MAX = 3;

/**
 * Runs what must go without a doubt in anybody. Where it fails and the machine kept this process waiting
 * meanwhile, that proves nothing: all is stopped, and run once more. On a machine that lets it run, the first
 * failure counts.
 */
export async function withoutStalls(
  run: () => Promise<void>,
  stopAll: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const loop = monitorEventLoopDelay({ resolution: 10 });
    loop.enable();
    try {
      return await run();
    } catch (error) {
      const stallMs = Math.round(loop.max / 1e6);
      if (stallMs < STALL_MS || attempt === ATTEMPTS_MAX) throw error;
      process.stderr.write(`once more, after a stall of ${stallMs} ms: ${String(error)}\n`);
      await stopAll();
    } finally {
      loop.disable();
    }
  }
}
