/** How soon the other replicas know: of a count, and of a change to a policy. */
import { checkOf } from '../cli/cluster-demo/check-of.js';
import { LocalCluster } from '../cli/cluster-demo/local-cluster.js';
import type { Connection } from '../cli/connection.js';
import { type CheckLimitResponse } from '../gen/weir/v1/quota_service.js';
import { BenchOperator } from './bench-operator.js';
import { type Bench, type BenchResult, quantile, round } from './bench-result.js';

const MAXIMUM = 1_000_000;
const WINDOW_MS = 3_600_000;
const KNOWN_MAX_MS = 30_000;

/** `--seconds` N: 100 x N counts, 33 x N changes. */
export const convergenceBench: Bench = {
  name: 'convergence',
  async run({ seconds }, progress): Promise<BenchResult> {
    const cluster = await LocalCluster.start({ env: process.env });
    try {
      const [writer, ...readers] = cluster.connections;
      if (writer === undefined) throw new Error('a cluster has a replica');
      const operator = new BenchOperator(writer.address);
      const key = await operator.createLimitedKey('convergence', MAXIMUM, WINDOW_MS);
      progress('counts');
      const counts = await probeCounts(writer, readers, { key, probes: Math.ceil(seconds * 100) });
      progress('policies');
      const change = (maximum: number): Promise<void> => operator.setMaximum(key, maximum);
      const policies = await probePolicies(change, readers, {
        key,
        probes: Math.ceil(seconds * 33),
      });
      operator.close();
      return resultOf(counts, policies);
    } finally {
      await cluster.stop();
    }
  },
};

interface Probing {
  readonly key: string;
  readonly probes: number;
}

/** From the answer to the check until the last of the others has counted it. */
async function probeCounts(
  writer: Connection,
  readers: readonly Connection[],
  { key, probes }: Probing,
): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (let n = 0; n < probes; n++) {
    const answer = await writer.quota.checkLimit(checkOf(key));
    const answeredAt = performance.now();
    const remaining = remainingOf(answer);
    const seen = (other: CheckLimitResponse): boolean => remainingOf(other) <= remaining;
    await Promise.all(readers.map((reader) => until(reader, key, seen)));
    latencies.push(performance.now() - answeredAt);
  }
  return latencies;
}

/** From the answer to the change until the last of the others enforces it. */
async function probePolicies(
  change: (maximum: number) => Promise<void>,
  readers: readonly Connection[],
  { key, probes }: Probing,
): Promise<readonly number[]> {
  const latencies: number[] = [];
  for (let n = 1; n <= probes; n++) {
    const maximum = MAXIMUM + n;
    await change(maximum);
    const answeredAt = performance.now();
    const seen = ({ statuses }: CheckLimitResponse): boolean =>
      statuses.some(({ limit }) => limit === BigInt(maximum));
    await Promise.all(readers.map((reader) => until(reader, key, seen)));
    latencies.push(performance.now() - answeredAt);
  }
  return latencies;
}

async function until(
  { quota }: Connection,
  key: string,
  seen: (answer: CheckLimitResponse) => boolean,
): Promise<void> {
  const deadline = performance.now() + KNOWN_MAX_MS;
  while (!seen(await quota.checkLimit({ ...checkOf(key), dryRun: true })))
    if (performance.now() > deadline) throw new Error('a replica does not hear of it');
}

const remainingOf = ({ statuses }: CheckLimitResponse): number =>
  Math.min(...statuses.map(({ remaining }) => Number(remaining)));

function resultOf(counts: readonly number[], policies: readonly number[]): BenchResult {
  const row = (what: string, ms: readonly number[]): (string | number)[] => [
    what,
    ms.length,
    ...[0.5, 0.9, 0.99, 1].map((q) => round(quantile(ms, q), 1)),
  ];
  return {
    name: 'convergence',
    title: 'Milliseconds until both other replicas know, 3 replicas, sync interval 50 ms',
    columns: ['of what', 'probes', 'median', 'p90', 'p99', 'max'],
    rows: [row('a count', counts), row('a changed policy', policies)],
    notes: ['from the answer on one replica to a dry run on the last of the others that shows it'],
  };
}
