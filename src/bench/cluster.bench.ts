/**
 * What three replicas let pass together, and how soon they know of each other: as processes of their own
 * over real streams, on the machine that the clients share.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { checkOf } from '../cli/cluster-demo/check-of.js';
import { LocalCluster } from '../cli/cluster-demo/local-cluster.js';
import type { Connection } from '../cli/connection.js';
import { Decision } from '../gen/weir/v1/quota_service.js';
import { GrpcCallError } from '../rpc/grpc-client.js';
import { BenchOperator } from './bench-operator.js';
import { type Bench, type BenchResult, quantile, round } from './bench-result.js';

const LIMIT = 1_000;
const WINDOW_MS = 60_000;
const PACED_MS = 20_000;
/** Keys under load at once in paced runs: their calls together must not use up the machine. */
const PACED_AT_ONCE = 5;

interface Spread {
  readonly admitted: readonly number[];
  /** Milliseconds from the first call until the limit was reached, if it was. */
  readonly filledMs: readonly number[];
}

/** What is nearly used up is told at once or not, and waited for or not. */
const CONTENDERS = [
  { label: 'early flush, wait', settings: {} },
  { label: 'early flush', settings: { contendedWaitMs: 0 } },
  { label: 'interval only', settings: { earlyFlush: false, contendedWaitMs: 0 } },
] as const;

interface Contender {
  readonly label: string;
  readonly cluster: LocalCluster;
}

/**
 * `--seconds` 1: 10 runs of each kind; 10 and more: 100 runs, as the published table has them. The
 * clusters take turns, so that they meet the same machine.
 */
export const clusterBench: Bench = {
  name: 'cluster',
  async run({ seconds }, progress): Promise<BenchResult> {
    const runs = Math.min(100, Math.max(10, Math.round(seconds * 10)));
    const contenders: Contender[] = [];
    try {
      for (const { label, settings } of CONTENDERS)
        contenders.push({
          label,
          cluster: await LocalCluster.start({ env: process.env, cluster: settings }),
        });
      const bursts = await inTurn(contenders, { ...BURST, runs }, progress);
      const paces = await inTurn(contenders, { ...PACED, runs }, progress);
      return resultOf(runs, [...bursts, ...paces]);
    } finally {
      for (const { cluster } of contenders) await cluster.stop();
    }
  },
};

const resultOf = (runs: number, rows: BenchResult['rows']): BenchResult => ({
  name: 'cluster',
  title: `A limit of ${LIMIT} a minute on 3 replicas that are asked ${LIMIT} times each, ${runs} runs of each kind`,
  columns: ['load', 'admitted: median', 'p90', 'p99', 'max', 'over at most', 'filled in, ms'],
  rows,
  notes: [
    `burst: ${LIMIT} calls on each replica at once; paced: the same over ${PACED_MS / 1_000} s`,
    'bound: (replicas - 1) x what one admits in a millisecond x milliseconds until it is heard',
  ],
});

interface Load {
  readonly kind: string;
  readonly runs: number;
  /** Keys under load at a time. */
  readonly atOnce: number;
  /** That long a window has to last when it begins. */
  readonly needsMs: number;
  readonly run: (cluster: LocalCluster, key: string) => Promise<readonly Outcome[]>;
}

/** A row for each contender. */
async function inTurn(
  contenders: readonly Contender[],
  { kind, runs, atOnce, needsMs, run }: Load,
  progress: (line: string) => void,
): Promise<(string | number)[][]> {
  const sides = [];
  for (const { label, cluster } of contenders) {
    const keys = await keysWithLimit(cluster, runs, kind);
    sides.push({ label, cluster, keys, outcomes: new Array<readonly Outcome[]>() });
  }
  for (let at = 0; at < runs; at += atOnce) {
    progress(`${kind}: ${at} of ${runs} runs`);
    for (const { cluster, keys, outcomes } of sides) {
      await withinOneWindow(needsMs);
      const group = keys.slice(at, at + atOnce).map((key) => run(cluster, key));
      outcomes.push(...(await Promise.all(group)));
    }
  }
  return sides.map(({ label, outcomes }) => rowOf(`${kind}, ${label}`, spreadOf(outcomes)));
}

function rowOf(load: string, { admitted, filledMs }: Spread): (string | number)[] {
  const at = (q: number): number => quantile(admitted, q);
  const max = Math.max(...admitted);
  const over = `${round((100 * (max - LIMIT)) / LIMIT)} %`;
  return [load, at(0.5), at(0.9), at(0.99), max, over, Math.round(quantile(filledMs, 0.5))];
}

const onAll =
  (call: (one: Connection, key: string) => Promise<Outcome>): Load['run'] =>
  ({ connections }, key) =>
    Promise.all(connections.map((one) => call(one, key)));

const BURST = { kind: 'burst', atOnce: 1, needsMs: 5_000, run: onAll(burst) } as const;
const PACED = {
  kind: 'paced',
  atOnce: PACED_AT_ONCE,
  needsMs: PACED_MS + 2_000,
  run: onAll(paced),
} as const;

interface Outcome {
  readonly admitted: number;
  readonly lastAdmittedMs: number;
}

function spreadOf(runs: readonly (readonly Outcome[])[]): Spread {
  return {
    admitted: runs.map((run) => run.reduce((sum, { admitted }) => sum + admitted, 0)),
    filledMs: runs.map((run) => Math.max(...run.map(({ lastAdmittedMs }) => lastAdmittedMs))),
  };
}

async function burst({ quota }: Connection, key: string): Promise<Outcome> {
  const caller = new Caller(quota, key);
  await Promise.all(Array.from({ length: LIMIT }, () => caller.call()));
  return caller;
}

async function paced({ quota }: Connection, key: string): Promise<Outcome> {
  const caller = new Caller(quota, key);
  const calls: Promise<void>[] = [];
  while (calls.length < LIMIT) {
    const due = Math.min(LIMIT, (caller.elapsedMs() / PACED_MS) * LIMIT);
    while (calls.length < due) calls.push(caller.call());
    await delay(5);
  }
  await Promise.all(calls);
  return caller;
}

/** Counts what one replica let pass. A call that an overloaded replica turns away has not passed. */
class Caller implements Outcome {
  admitted = 0;
  lastAdmittedMs = 0;
  private readonly startedAt = performance.now();

  constructor(
    private readonly quota: Connection['quota'],
    private readonly key: string,
  ) {}

  elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  async call(): Promise<void> {
    try {
      const { decision } = await this.quota.checkLimit(checkOf(this.key), { deadlineMs: 60_000 });
      if (decision !== Decision.DECISION_ALLOW) return;
    } catch (error) {
      if (error instanceof GrpcCallError && error.code === status.RESOURCE_EXHAUSTED) return;
      throw error;
    }
    this.admitted += 1;
    this.lastAdmittedMs = this.elapsedMs();
  }
}

async function keysWithLimit(
  { connections }: LocalCluster,
  count: number,
  prefix: string,
): Promise<readonly string[]> {
  const [first] = connections;
  if (first === undefined) throw new Error('a cluster has a replica');
  const operator = new BenchOperator(first.address);
  const keys: string[] = [];
  for (let n = 0; n < count; n++)
    keys.push(await operator.createLimitedKey(`${prefix}-${n}`, LIMIT, WINDOW_MS));
  operator.close();
  for (const key of keys) await Promise.all(connections.map((one) => untilKnown(one, key)));
  return keys;
}

/** A key that a replica has not heard of is looked up by the first call. */
const untilKnown = ({ quota }: Connection, key: string): Promise<unknown> =>
  quota.checkLimit({ ...checkOf(key), dryRun: true });

/** So that a run does not meet the end of a window, which would give it a second allowance. */
async function withinOneWindow(neededMs: number): Promise<void> {
  const leftMs = WINDOW_MS - (Date.now() % WINDOW_MS);
  if (leftMs < neededMs) await delay(leftMs + 20);
}
