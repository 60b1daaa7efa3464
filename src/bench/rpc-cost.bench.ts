/**
 * What a decision costs the server, in CPU time, beside a bare grpc-js server that answers the same
 * messages: what is left above the echo is ours. The two take turns, so that a machine that slows
 * down slows both, and the figure to read is the ratio.
 */
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../common/remove-folder.js';
import {
  type CheckLimitRequest,
  CheckLimitResponse,
  QuotaServiceService,
} from '../gen/weir/v1/quota_service.js';
import { createClient, type GrpcClient } from '../rpc/grpc-client.js';
import { BenchOperator } from './bench-operator.js';
import { type Bench, type BenchOptions, type BenchResult, median, round } from './bench-result.js';
import { hammer } from './hammer.js';
import { ServerProcess } from './server-process.js';
import { StreamCaller } from './stream-caller.js';

type Quota = GrpcClient<typeof QuotaServiceService>;

/** Calls in flight at once: enough to keep the server busy, little enough to leave the client CPU. */
const CONCURRENCY = 32;
const ROUNDS = 5;
const SHAPES: readonly Shape[] = [
  { name: 'CheckLimit', size: 1 },
  { name: 'BatchCheckLimit', size: 100 },
  { name: 'BatchCheckLimit', size: 1_000 },
  { name: 'Stream', size: 1 },
  { name: 'Stream', size: 100 },
  { name: 'Stream', size: 1_000 },
];

interface Shape {
  readonly name: 'CheckLimit' | 'BatchCheckLimit' | 'Stream';
  /** Decisions in one message. */
  readonly size: number;
}

interface Contender {
  readonly name: 'echo' | 'weir';
  readonly server: ServerProcess;
  readonly client: Quota;
}

export const rpcCostBench: Bench = {
  name: 'rpc',
  async run(options, progress): Promise<BenchResult> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
    // As root the database runs as another user, who has to pass through.
    await chmod(folder, 0o755);
    const weir = await contender('weir', await ServerProcess.start(['weir', folder]));
    const request = await prepare(weir.server.address);
    const answer = await weir.client.checkLimit(request);
    const env = {
      ECHO_ANSWER: Buffer.from(CheckLimitResponse.encode(answer).finish()).toString('base64'),
    };
    const echo = await contender('echo', await ServerProcess.start(['echo'], env));
    try {
      const rows = [];
      for (const shape of SHAPES)
        rows.push(await compare([echo, weir], request, { ...shape, ...options }, progress));
      return {
        name: 'rpc',
        title: `Server CPU for a decision, ${answer.statuses.length} limits match; median of ${ROUNDS} turns`,
        columns: [
          'call',
          'decisions in a message',
          'echo, us each',
          'weir, us each',
          'weir / echo',
          'weir, decisions/s',
        ],
        rows,
        notes: ['user and system time of the whole server process, divided by its decisions'],
      };
    } finally {
      await Promise.all([echo, weir].map(stop));
      await removeFolder(folder);
      await removeFolder(`${folder}-journal`);
    }
  },
};

async function contender(name: Contender['name'], server: ServerProcess): Promise<Contender> {
  const client = createClient(QuotaServiceService, 'weir.v1.QuotaService', server.address);
  return { name, server, client };
}

async function stop({ client, server }: Contender): Promise<void> {
  client.close();
  await server.stop();
}

/** Root, customer, team and key, with a limit each, none of which is ever reached. */
async function prepare(address: string): Promise<CheckLimitRequest> {
  const operator = new BenchOperator(address);
  const virtualKeyId = await operator.createKey('rpc');
  for (const owner of operator.ownersOf('rpc')) await operator.createEndlessLimit(owner);
  operator.close();
  return {
    subject: { $case: 'virtualKeyId', value: virtualKeyId },
    provider: 'openai',
    model: 'gpt-4o-mini',
    labels: {},
    amountNanos: 0n,
    dryRun: false,
    reservationKey: '',
    reserveTtl: undefined,
    noHold: true,
    inputTokens: 0n,
    maxOutputTokens: 0n,
  };
}

type Load = Shape & BenchOptions;

async function compare(
  contenders: readonly Contender[],
  request: CheckLimitRequest,
  load: Load,
  progress: (line: string) => void,
): Promise<readonly (string | number)[]> {
  const micros = { echo: [] as number[], weir: [] as number[] };
  const rates: number[] = [];
  for (let turn = 0; turn < ROUNDS; turn++)
    for (const each of contenders) {
      progress(`${load.name} of ${load.size}, turn ${turn + 1} of ${ROUNDS}, ${each.name}`);
      const { microsEach, perSecond } = await measure(each, request, load);
      micros[each.name].push(microsEach);
      if (each.name === 'weir') rates.push(perSecond);
    }
  const ratios = micros.weir.map((value, turn) => value / (micros.echo[turn] ?? Number.NaN));
  return [
    load.name,
    load.size,
    round(median(micros.echo)),
    round(median(micros.weir)),
    round(median(ratios)),
    Math.round(median(rates)),
  ];
}

async function measure({ client, server }: Contender, request: CheckLimitRequest, load: Load) {
  const stream = new StreamCaller(client.stream());
  const call = callOf({ client, stream }, request, load);
  await hammer(call, { seconds: load.seconds / 4, concurrency: CONCURRENCY });
  const before = await server.use();
  const startedAt = performance.now();
  const calls = await hammer(call, { seconds: load.seconds, concurrency: CONCURRENCY });
  const seconds = (performance.now() - startedAt) / 1_000;
  const decisions = calls * load.size;
  const microsEach = ((await server.use()).cpuMicros - before.cpuMicros) / decisions;
  stream.close();
  return { microsEach, perSecond: decisions / seconds };
}

function callOf(
  { client, stream }: { readonly client: Quota; readonly stream: StreamCaller },
  request: CheckLimitRequest,
  { name, size }: Shape,
): () => Promise<unknown> {
  if (name === 'CheckLimit') return () => client.checkLimit(request);
  const checks = Array.from({ length: size }, () => request);
  return name === 'Stream' ? () => stream.check(checks) : () => client.batchCheckLimit({ checks });
}
