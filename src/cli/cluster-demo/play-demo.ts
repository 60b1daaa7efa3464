import { setTimeout as delay } from 'node:timers/promises';
import type { DemoCluster, Glance } from './demo-cluster.js';
import { LIMIT_MAX, WINDOW_MS } from './demo-limit.js';
import type { WindowTally } from './demo-load.js';

/** One line of the live table. */
export interface DemoLine {
  readonly atMs: number;
  readonly replicas: readonly Glance[];
  /** Of the window of now. */
  readonly admitted: number;
  /** What has just been done to the cluster; mostly nothing. */
  readonly event: string;
}

/** A window that was under load from its beginning to its end. */
export interface DemoWindow extends WindowTally {
  readonly event: string;
}

interface Step {
  readonly atMs: number;
  readonly event: string;
  readonly do: (cluster: DemoCluster) => Promise<void>;
}

/** The middle of a window, where what a replica has counted would be missed most. */
const MIDDLE = 0.5;
const WINDOWS = 6;
const LINE_MS = 1_000;
const VICTIM = 'b';

const STEPS: readonly Step[] = [
  {
    atMs: (1 + MIDDLE) * WINDOW_MS,
    event: `replica ${VICTIM} is killed (kill -9)`,
    do: (cluster) => cluster.kill(VICTIM),
  },
  {
    atMs: (3 + MIDDLE) * WINDOW_MS,
    event: `replica ${VICTIM} is started again`,
    do: (cluster) => cluster.join(VICTIM),
  },
];

/** Load on all three for six windows; one dies in the second and returns in the fourth. */
export async function playClusterDemo(
  cluster: DemoCluster,
  say: (line: DemoLine) => void,
): Promise<readonly DemoWindow[]> {
  await delay(WINDOW_MS - (Date.now() % WINDOW_MS));
  const startMs = Date.now();
  const events = new Map<bigint, string>();
  cluster.startLoad();
  const steps = STEPS.map((step) => perform(step, cluster, { startMs, events }));
  for (let at = LINE_MS; at <= WINDOWS * WINDOW_MS; at += LINE_MS) {
    await delay(Math.max(0, startMs + at - 50 - Date.now()));
    say(await lineOf(cluster, at, events));
  }
  await Promise.all(steps);
  return wholeWindows(cluster, startMs, events);
}

async function perform(
  step: Step,
  cluster: DemoCluster,
  { startMs, events }: { readonly startMs: number; readonly events: Map<bigint, string> },
): Promise<void> {
  await delay(Math.max(0, startMs + step.atMs - Date.now()));
  events.set(windowOf(Date.now()), step.event);
  await step.do(cluster);
}

async function lineOf(
  cluster: DemoCluster,
  atMs: number,
  events: ReadonlyMap<bigint, string>,
): Promise<DemoLine> {
  const window = windowOf(Date.now());
  const admitted = cluster.windows.get(window)?.admitted ?? 0;
  const replicas = await cluster.glances();
  return { atMs, replicas, admitted, event: events.get(window) ?? '' };
}

function wholeWindows(
  cluster: DemoCluster,
  startMs: number,
  events: ReadonlyMap<bigint, string>,
): readonly DemoWindow[] {
  const first = windowOf(startMs);
  return [...cluster.windows.values()]
    .filter(({ start }) => start >= first)
    .toSorted((a, b) => Number(a.start - b.start))
    .slice(0, WINDOWS)
    .map((tally) => ({ ...tally, event: events.get(tally.start) ?? '' }));
}

/** Start of the window of that moment, in seconds since 1970. */
const windowOf = (ms: number): bigint => BigInt((ms - (ms % WINDOW_MS)) / 1_000);

/** By how many calls the worst window was over the limit. */
export const worstExcess = (windows: readonly DemoWindow[]): number =>
  Math.max(0, ...windows.map(({ admitted }) => admitted - LIMIT_MAX));
