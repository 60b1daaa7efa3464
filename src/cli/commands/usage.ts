import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';
import type { GetUsageRequest, GetUsageResponse } from '../../gen/weir/v1/quota_service.js';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { CliError } from '../exit-code.js';
import { subjectOf } from '../input/call-target.js';
import { collectGroup } from '../input/lists.js';
import { addOwnerOptions, OWNER_HINT, ownerOf, type OwnerOptions } from '../input/owner.js';
import { parseTimestamp } from '../input/timestamp.js';
import { formatUsd } from '../input/usd.js';
import { getUsageResponse } from '../json/quota-messages.js';
import type { CliIo } from '../io.js';
import { STATUS_COLUMNS } from '../output/decision-text.js';
import { renderFacts } from '../output/table.js';

interface Options extends CommonOptions, OwnerOptions {
  readonly secret?: string;
  readonly from?: Timestamp;
  readonly to?: Timestamp;
  readonly group?: Readonly<Record<string, string>>;
}

export const usageCommand: CliCommand = {
  name: 'usage',
  summary: 'what an owner has used: the state of its policies, the sums of its debits',
  examples: [
    { run: 'weir usage --key ada', does: 'of one key' },
    { run: 'weir usage --customer acme --from 2026-07-01 --to 2026-08-01', does: 'of one month' },
    {
      run: 'weir usage --team blue --group model=gpt-5 --group label:tenant=acme',
      does: 'of what limits with a --group-by have counted for that model and that label',
    },
    { run: 'weir usage --root --json | jq -r .spend.amountNanos', does: 'all spend, in nano-USD' },
  ],
  register: (program, context) => {
    const command = addOwnerOptions(context.addCommonOptions(program.command('usage')), 'of');
    command
      .option('--secret <secret>', 'of the virtual key with this secret (or WEIR_KEY_SECRET)')
      .option('--from <time>', 'only debits recorded then or later', parseTimestamp)
      .option('--to <time>', 'only debits recorded before', parseTimestamp)
      .option(
        '--group <key=value>',
        'of limits with a --group-by: whose counter; may be repeated',
        collectGroup,
      )
      .action((options: Options) => usage(options, context));
  },
};

async function usage(options: Options, context: CliContext): Promise<void> {
  const { from, to } = options;
  const request: GetUsageRequest = {
    subject: usageSubject(options, context.io),
    interval: from || to ? { start: from, end: to } : undefined,
    group: { ...options.group },
  };
  const response = await context.withService(options, ({ quota }) => quota.getUsage(request));
  context.answer(options, {
    json: () => getUsageResponse.write(response),
    text: () => usageText(response, context),
  });
}

function usageSubject(options: Options, io: CliIo): GetUsageRequest['subject'] {
  const owner = ownerOf(options);
  if (owner && options.secret === undefined) return { $case: 'owner', value: owner };
  if (owner) throw new CliError(`Give --secret SECRET or one of ${OWNER_HINT}, not both.`);
  const subject = subjectOf(options, io);
  if (subject) return subject;
  throw new CliError(`Whose usage? Add ${OWNER_HINT}.`);
}

function usageText({ statuses, spend }: GetUsageResponse, context: CliContext): string {
  const policies =
    statuses.length === 0 ? 'No policies.\n' : context.table(STATUS_COLUMNS, statuses);
  if (!spend) return policies;
  const tokens = spend.usage;
  const facts = renderFacts([
    ['DEBITS', spend.debits.toString()],
    ['SPENT', `${formatUsd(spend.amountNanos)} (${spend.amountNanos} nano-USD)`],
    ['INPUT TOKENS', (tokens?.input ?? 0n).toString()],
    ['CACHED INPUT TOKENS', (tokens?.cachedInput ?? 0n).toString()],
    ['OUTPUT TOKENS', (tokens?.output ?? 0n).toString()],
    ['REASONING TOKENS', (tokens?.reasoning ?? 0n).toString()],
  ]);
  return `${policies}\n${facts}`;
}
