import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from './eventually.js';

const HEAP_GROWTH_BYTES_MAX = 8 * 1_048_576;

/** What is on the heap and still used. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  return process.memoryUsage().heapUsed;
}

const SOCKETS = ['TCPSocket', 'UDP'];

/** Sockets and timers that keep this process busy. */
const busy = (...kinds: readonly string[]): number =>
  process.getActiveResourcesInfo().filter((name) => kinds.some((kind) => name.startsWith(kind)))
    .length;

/**
 * Runs something that must leave nothing behind; `warm` is awaited before the heap is measured, `run`
 * is what may leak, `stop` ends it all.
 */
export async function leavesNothing(steps: {
  readonly warm: () => Promise<void>;
  readonly run: () => Promise<void>;
  readonly stop: () => Promise<void>;
}): Promise<{ readonly heapGrowthBytes: number }> {
  const [sockets, timers] = [busy(...SOCKETS), busy('Timeout')];
  await steps.warm();
  const heapBefore = heapBytes();
  await steps.run();
  const heapGrowthBytes = heapBytes() - heapBefore;
  await steps.stop();
  await eventually('the sockets are closed', () => busy(...SOCKETS) <= sockets);
  // One timer is this very wait.
  await eventually('the timers are cleared', () => busy('Timeout') <= timers + 1);
  if (heapGrowthBytes > HEAP_GROWTH_BYTES_MAX)
    throw new Error(`the heap has grown by ${Math.round(heapGrowthBytes / 1_048_576)} MiB`);
  return { heapGrowthBytes };
}
