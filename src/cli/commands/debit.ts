import { randomUUID } from 'node:crypto';
import type {
  DebitBudgetRequest,
  DebitBudgetResponse,
  TokenUsage,
} from '../../gen/weir/v1/quota_service.js';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { CliError } from '../exit-code.js';
import { addCallOptions, type CallOptions, callTargetOf } from '../input/call-target.js';
import { parseCount } from '../input/numbers.js';
import { formatUsd, parseUsd } from '../input/usd.js';
import { debitBudgetResponse } from '../json/quota-messages.js';
import { STATUS_COLUMNS } from '../output/decision-text.js';
import { printable } from '../output/printable.js';

interface Options extends CommonOptions, CallOptions {
  readonly idempotencyKey?: string;
  readonly amount?: bigint;
  readonly inputTokens?: bigint;
  readonly cachedInputTokens?: bigint;
  readonly outputTokens?: bigint;
  readonly reasoningTokens?: bigint;
  readonly countLimits?: boolean;
  readonly reservation?: string;
  readonly reservationKey?: string;
}

export const debitCommand: CliCommand = {
  name: 'debit',
  summary: 'record what a call has cost; durable once answered, counted exactly once',
  examples: [
    {
      run: 'weir debit --key ada --model openai/gpt-4o --input-tokens 1200 --output-tokens 300',
      does: 'priced by the price table',
    },
    {
      run: 'weir debit --key ada --amount 0.0125 --idempotency-key call-4711',
      does: 'a given amount; with its key it can be repeated without harm',
    },
    {
      run: 'weir debit --key ada --amount 0.01 --output-tokens 300 --reservation-key call-4711',
      does: 'settle the reservation of a check: limits count what was used, not what was estimated',
    },
  ],
  register: (program, context) => {
    const command = addCallOptions(context.addCommonOptions(program.command('debit')));
    command
      .option('--idempotency-key <key>', 'names this debit, for retries; made up if left out')
      .option(
        '--amount <usd>',
        'what was spent, in US dollars; else priced from the tokens',
        parseUsd,
      )
      .option('--input-tokens <n>', 'input tokens that did not come from the cache', parseCount)
      .option('--cached-input-tokens <n>', 'input tokens that came from the cache', parseCount)
      .option('--output-tokens <n>', 'output tokens, without reasoning', parseCount)
      .option('--reasoning-tokens <n>', 'reasoning tokens', parseCount)
      .option('--reservation <id>', 'settles this reservation, by its id')
      .option('--reservation-key <key>', 'settles the reservation that was made with this key')
      .option('--count-limits', 'count the call in the limits too, if it was not checked before')
      .action((options: Options) => debit(options, context));
  },
};

async function debit(options: Options, context: CliContext): Promise<void> {
  const usage = usageOf(options);
  if (options.amount === undefined && !usage) {
    throw new CliError(
      'What was used? Add --amount USD, or --input-tokens N and --output-tokens N.',
    );
  }
  const idempotencyKey = options.idempotencyKey ?? `cli-${randomUUID()}`;
  const request = {
    ...callTargetOf(options, context.io),
    idempotencyKey,
    amountNanos: options.amount,
    usage,
    countLimits: options.countLimits ?? false,
    reservation: reservationOf(options),
  };
  const response = await context.withService(options, ({ quota }) => quota.debitBudget(request));
  context.answer(options, {
    json: () => debitBudgetResponse.write(response),
    text: () => {
      const { amountNanos, replayed, debitId, statuses } = response;
      const verb = replayed ? 'Had been recorded before' : 'Recorded';
      const headline = `${verb}: ${formatUsd(amountNanos)} as ${printable(debitId)} (${printable(idempotencyKey)})\n`;
      if (statuses.length === 0) return `${headline}No budget matched.\n`;
      return `${headline}${crossings(response)}\n${context.table(STATUS_COLUMNS, statuses)}`;
    },
  });
}

const crossings = ({ crossedThresholds }: DebitBudgetResponse): string =>
  crossedThresholds
    .map(({ budgetId, percent }) => `Crossed ${percent} % of ${printable(budgetId)}.\n`)
    .join('');

function reservationOf({
  reservation,
  reservationKey,
}: Options): DebitBudgetRequest['reservation'] {
  if (reservation !== undefined && reservationKey !== undefined)
    throw new CliError('Give --reservation or --reservation-key, not both.');
  if (reservation !== undefined) return { $case: 'reservationId', value: reservation };
  if (reservationKey !== undefined) return { $case: 'reservationKey', value: reservationKey };
  return undefined;
}

function usageOf(options: Options): TokenUsage | undefined {
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = options;
  const given = [inputTokens, cachedInputTokens, outputTokens, reasoningTokens];
  if (given.every((tokens) => tokens === undefined)) return undefined;
  return {
    input: inputTokens ?? 0n,
    cachedInput: cachedInputTokens ?? 0n,
    output: outputTokens ?? 0n,
    reasoning: reasoningTokens ?? 0n,
  };
}
