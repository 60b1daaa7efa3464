import type { CheckLimitResponse } from '../../gen/weir/v1/quota_service.js';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { EXIT } from '../exit-code.js';
import { toDuration } from '../../rpc/proto-time.js';
import { addCallOptions, type CallOptions, callTargetOf } from '../input/call-target.js';
import { parseDuration } from '../input/duration.js';
import { parseCount } from '../input/numbers.js';
import { formatTimestamp } from '../input/timestamp.js';
import { parseUsd } from '../input/usd.js';
import { checkLimitResponse } from '../json/quota-messages.js';
import { printable } from '../output/printable.js';
import { decisionText, isAllowed, STATUS_COLUMNS } from '../output/decision-text.js';

interface Options extends CommonOptions, CallOptions {
  readonly requests?: bigint;
  readonly amount?: bigint;
  readonly dryRun?: boolean;
  readonly inputTokens?: bigint;
  readonly maxOutputTokens?: bigint;
  readonly tokens?: bigint;
  readonly reservationKey?: string;
  readonly ttl?: number;
}

export const checkCommand: CliCommand = {
  name: 'check',
  summary: 'may this call go ahead? Counts it if so; exit code 0 is yes, 1 is no',
  examples: [
    { run: 'weir check --key ada --model openai/gpt-4o', does: 'one request of the key ada' },
    {
      run: 'weir check --key ada --model openai/gpt-4o --amount 0.02 --dry-run',
      does: 'would a call of 2 cents pass? Nothing is counted',
    },
    {
      run: 'weir check --key ada --tokens 800 --reservation-key call-4711',
      does: 'hold 800 tokens until a debit with this key says how many it were',
    },
    {
      run: 'weir check --key ada --label env=prod --json | jq .statuses',
      does: 'the state of every policy that matched, for a program',
    },
  ],
  register: (program, context) => {
    const command = addCallOptions(context.addCommonOptions(program.command('check')));
    command
      .option('--requests <n>', 'how many requests the call counts for (default: 1)', parseCount)
      .option('--amount <usd>', 'what it is expected to cost, in US dollars', parseUsd)
      .option('--input-tokens <n>', 'tokens it will send, for an estimate', parseCount)
      .option('--max-output-tokens <n>', 'tokens it may get back, for an estimate', parseCount)
      .option('--tokens <n>', 'tokens it is expected to use, if not those two', parseCount)
      .option('--reservation-key <key>', 'hold the estimate, under this name of yours')
      .option('--ttl <duration>', 'how long to hold it (default: 1m)', parseDuration)
      .option('--dry-run', 'decide, but count nothing')
      .action((options: Options) => check(options, context));
  },
};

async function check(options: Options, context: CliContext): Promise<void> {
  const request = {
    ...callTargetOf(options, context.io),
    requests: options.requests,
    amountNanos: options.amount ?? 0n,
    dryRun: options.dryRun ?? false,
    reservationKey: options.reservationKey ?? '',
    reserveTtl: options.ttl === undefined ? undefined : toDuration(options.ttl),
    noHold: options.reservationKey === undefined,
    inputTokens: options.inputTokens ?? 0n,
    maxOutputTokens: options.maxOutputTokens ?? 0n,
    tokens: options.tokens,
  };
  const response = await context.withService(options, ({ quota }) => quota.checkLimit(request));
  if (!isAllowed(response)) context.exitCode = EXIT.DENIED;
  context.answer(options, {
    json: () => checkLimitResponse.write(response),
    text: () => {
      const headline = `${decisionText(response)}\n${reservationText(response)}`;
      if (response.statuses.length === 0) return headline + noneText(response);
      return `${headline}\n${context.table(STATUS_COLUMNS, response.statuses)}`;
    },
  });
}

/** What it takes to settle or to release. */
function reservationText({ reservationId, reservationExpiresAt: end }: CheckLimitResponse): string {
  if (reservationId === '') return '';
  return `Reserved as ${printable(reservationId)}${end ? ` until ${formatTimestamp(end)}` : ''}\n`;
}

/** Worth a line if the call was allowed, since that may be by oversight. */
const noneText = (response: CheckLimitResponse): string =>
  isAllowed(response) ? 'No policy matched.\n' : '';
