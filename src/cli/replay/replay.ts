import { OwnerKind } from '../../gen/weir/v1/common.js';
import { connect, type Connection } from '../connection.js';
import { CliError, EXIT } from '../exit-code.js';
import type { CliIo } from '../io.js';
import { readPriceFile } from '../input/price-file.js';
import { independentSum } from './independent-sum.js';
import { type KeyPolicies, readLimitsFile } from './limits-file.js';
import { planReplay, type ReplayPlan } from './plan.js';
import { startProgress } from './progress.js';
import type { LedgerSum, ReplayReport } from './report.js';
import { Retry } from './retry.js';
import { ReplayRunner } from './runner.js';
import { setUp } from './setup.js';
import { Tally } from './tally.js';
import { checkTrace, type TraceSummary } from './trace-file.js';

export interface ReplayRequest {
  readonly trace: string;
  readonly prices: string;
  readonly models: readonly string[];
  readonly keys: number;
  readonly speed: number;
  readonly concurrency: number;
  readonly limits?: string;
  readonly estimateFactor: number;
  readonly runId: string;
  readonly timeoutMs: number;
  readonly giveUpAfterMs: number;
}

/** Files that are read and checked, before anything is sent or started. */
export interface PreparedReplay {
  readonly request: ReplayRequest;
  readonly plan: ReplayPlan;
  readonly policies: KeyPolicies;
  readonly summary: TraceSummary;
}

export async function prepareReplay(request: ReplayRequest, io: CliIo): Promise<PreparedReplay> {
  const prices = await readPriceFile(request.prices);
  const summary = await checkTrace(request.trace);
  const plan = planReplay({ ...request, prices, traceHash: summary.hash });
  const none = { limits: [], budgets: [] };
  const policies = request.limits === undefined ? none : await readLimitsFile(request.limits, io);
  return { request, plan, policies, summary };
}

/** Sends everything to the service at `target`, and compares its ledger with the file. */
export async function replay(
  prepared: PreparedReplay,
  target: string,
  io: CliIo,
): Promise<ReplayReport> {
  const { plan, request, policies } = prepared;
  const retry = new Retry({
    firstDelayMs: 100,
    delayMaxMs: 3_000,
    giveUpAfterMs: request.giveUpAfterMs,
    jitter: Math.random,
    say: (text) => io.stderr.write(`${text}\n`),
  });
  const connection = connect(target, request.timeoutMs);
  try {
    await setUp(plan, policies, connection, retry);
    const before = await ledgerSum(plan, connection, retry);
    const began = performance.now();
    const tally = await send(prepared, connection, { retry, io });
    const elapsedMs = performance.now() - began;
    const ledger = await ledgerSum(plan, connection, retry);
    return {
      runId: plan.runId,
      target,
      elapsedMs,
      repeats: retry.repeats,
      tally,
      ledger,
      file: fileSum(prepared, tally),
      ...incomparable(policies, before),
    };
  } finally {
    connection.close();
  }
}

async function send(
  { plan, request, summary }: PreparedReplay,
  { quota }: Connection,
  { retry, io }: { readonly retry: Retry; readonly io: CliIo },
): Promise<Tally> {
  const tally = new Tally(summary.rows);
  const runner = new ReplayRunner(plan, quota, retry, tally);
  const progress = startProgress(io, summary.rows);
  void stopWhenAsked(io, [runner, retry]);
  try {
    await runner.run({
      concurrency: request.concurrency,
      speed: request.speed,
      startMs: summary.startMs,
      onRow: () => progress.step(),
    });
  } finally {
    progress.end();
  }
  if (!runner.wasStopped) return tally;
  throw new CliError(
    `Stopped after ${tally.calls} of ${summary.rows} calls. To go on: the same command with --run ${plan.runId}`,
    EXIT.FAILED,
  );
}

async function stopWhenAsked(
  io: CliIo,
  parts: readonly { readonly stop: () => void }[],
): Promise<void> {
  await io.stopRequested();
  for (const part of parts) part.stop();
}

async function ledgerSum(
  { customerId }: ReplayPlan,
  { quota }: Connection,
  retry: Retry,
): Promise<LedgerSum> {
  const owner = { kind: OwnerKind.OWNER_KIND_CUSTOMER, id: customerId };
  const request = {
    subject: { $case: 'owner' as const, value: owner },
    interval: undefined,
    group: {},
  };
  const { spend } = await retry.run(() => quota.getUsage(request));
  return {
    debits: spend?.debits ?? 0n,
    amountNanos: spend?.amountNanos ?? 0n,
    inputTokens: spend?.usage?.input ?? 0n,
    outputTokens: spend?.usage?.output ?? 0n,
  };
}

const fileSum = ({ plan, request }: PreparedReplay, tally: Tally): ReplayReport['file'] =>
  independentSum({
    trace: request.trace,
    prices: request.prices,
    models: plan.models.map(({ provider, model }) => `${provider}/${model}`),
    keys: plan.keyIds.length,
    counts: (row) => tally.isAdmitted(row),
  });

/** With limits, a resumed run decides anew, so that rows admitted before may be denied now. */
function incomparable(
  { limits, budgets }: KeyPolicies,
  before: LedgerSum,
): { readonly incomparable?: string } {
  if (limits.length + budgets.length === 0 || before.debits === 0n) return {};
  return {
    incomparable:
      `the ledger held ${before.debits} debits of this run before, admitted by earlier ` +
      'decisions of its limits. Use a new --run.',
  };
}
