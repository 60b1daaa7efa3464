import { createHash } from 'node:crypto';
import { priceDebit } from '../../budgets/core/price-debit.js';
import type { Price } from '../../gen/weir/v1/governance_service.js';
import { splitModel } from '../input/call-target.js';
import { CliError } from '../exit-code.js';

/** What a replay sends, and to which names. */
export interface ReplayPlan {
  readonly runId: string;
  readonly trace: string;
  readonly customerId: string;
  readonly teamId: string;
  readonly keyIds: readonly string[];
  readonly models: readonly Model[];
  /** Only those of the models. */
  readonly prices: readonly Price[];
  readonly estimateFactor: number;
  /** Of everything that decides what is debited. Two starts of one run must agree in it. */
  readonly fingerprint: string;
}

export interface Model {
  readonly provider: string;
  readonly model: string;
}

export interface PlanRequest {
  readonly runId: string;
  readonly trace: string;
  /** SHA-256 of the trace, hexadecimal. */
  readonly traceHash: string;
  readonly keys: number;
  /** PROVIDER/MODEL; empty: all that have a price. */
  readonly models: readonly string[];
  readonly prices: readonly Price[];
  /** What a check holds, as a share of what the debit will cost: 1 is exact. */
  readonly estimateFactor: number;
}

export function planReplay(request: PlanRequest): ReplayPlan {
  const prices = pricesOf(request);
  const customerId = `replay-${request.runId}`;
  return {
    runId: request.runId,
    trace: request.trace,
    customerId,
    teamId: `${customerId}-team`,
    keyIds: Array.from({ length: request.keys }, (_, i) => `${customerId}-key-${i + 1}`),
    models: prices.map(({ provider, model }) => ({ provider, model })),
    prices,
    estimateFactor: request.estimateFactor,
    fingerprint: fingerprintOf(request, prices),
  };
}

function fingerprintOf({ traceHash, keys }: PlanRequest, prices: readonly Price[]): string {
  const priced = prices.map((price) => [
    price.provider,
    price.model,
    price.inputPicoUsdPerToken.toString(),
    price.outputPicoUsdPerToken.toString(),
  ]);
  const parts = JSON.stringify([traceHash, keys, priced]);
  return createHash('sha256').update(parts).digest('hex').slice(0, 16);
}

/** Keys take turns with each row, models with each round of keys, so that every pair occurs. */
export function assign(plan: ReplayPlan, row: number): Model & { readonly keyId: string } {
  const keyId = plan.keyIds[row % plan.keyIds.length];
  const model = plan.models[Math.floor(row / plan.keyIds.length) % plan.models.length];
  if (keyId === undefined || !model) throw new CliError('A replay needs a key and a model.');
  return { ...model, keyId };
}

/** What a row will cost, times the factor: what its check holds. */
export function estimateNanos(
  plan: ReplayPlan,
  { provider, model }: Model,
  tokens: RowTokens,
): bigint {
  const price = plan.prices.find((each) => each.provider === provider && each.model === model);
  if (price === undefined) throw new CliError(`There is no price for ${provider}/${model}.`);
  const { inputPicoUsdPerToken: inputPicos, outputPicoUsdPerToken: outputPicos } = price;
  const usage = {
    input: tokens.inputTokens,
    cachedInput: 0n,
    output: tokens.outputTokens,
    reasoning: 0n,
  };
  const rates = { inputPicos, outputPicos, cachedInputPicos: undefined, reasoningPicos: undefined };
  const millionths = BigInt(Math.round(plan.estimateFactor * 1_000_000));
  return (priceDebit(usage, rates) * millionths) / 1_000_000n;
}

interface RowTokens {
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
}

/** `2026-08-01T09:00:00Z` and some chance: `260801-090000-k3f9` */
export function newRunId(now: Date, chance: number): string {
  const digits = now.toISOString().replace(/\D/g, '');
  const tail = Math.floor(chance * 36 ** 4)
    .toString(36)
    .padStart(4, '0');
  return `${digits.slice(2, 8)}-${digits.slice(8, 14)}-${tail}`;
}

function pricesOf({ models, prices }: PlanRequest): readonly Price[] {
  if (models.length === 0) return prices;
  const twice = models.find((name, i) => models.indexOf(name) !== i);
  if (twice !== undefined) throw new CliError(`--model ${twice} is given twice.`);
  return models.map((name) => {
    const { provider, model } = splitModel(name, '--model');
    const price = prices.find((p) => p.provider === provider && p.model === model);
    if (price) return price;
    throw new CliError(
      `--model ${name}: the price file has no such line.${nearText(name, prices)}`,
    );
  });
}

function nearText(name: string, prices: readonly Price[]): string {
  const needle = (name.split('/').at(-1) ?? name).toLowerCase();
  const names = prices.map(({ provider, model }) => `${provider}/${model}`);
  const near = names.filter((candidate) => candidate.toLowerCase().includes(needle)).slice(0, 3);
  return near.length === 0 ? '' : ` It has ${near.join(', ')}.`;
}
