import type { Command } from 'commander';
import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';
import type { Grant } from '../../gen/weir/v1/governance_service.js';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { CliError } from '../exit-code.js';
import { parseDuration } from '../input/duration.js';
import { formatTimestamp, parseTimestamp } from '../input/timestamp.js';
import { formatUsd, parseUsd } from '../input/usd.js';
import { grant } from '../json/policy-messages.js';
import { addGet, addList, type ResourceRpc, showSaved } from './resource.js';

interface Filter {
  readonly budget?: string;
}

interface CreateOptions extends CommonOptions {
  readonly amount?: bigint;
  readonly from?: Timestamp;
  readonly until?: Timestamp;
  readonly for?: number;
  readonly reason?: string;
  readonly actor?: string;
  readonly id?: string;
}

const rpc: Pick<ResourceRpc<Grant, Filter>, 'get' | 'list'> = {
  get: async (service, id) => (await service.getGrant({ id })).grant,
  list: async (service, page, { budget = '' }) => {
    const { grants, nextPageToken } = await service.listGrants({ ...page, budgetId: budget });
    return { items: grants, nextPageToken };
  },
};

const GRANT = {
  name: 'grant',
  plural: 'grants',
  codec: grant,
  columns: [
    { title: 'ID', text: ({ id }: Grant) => id },
    { title: 'BUDGET', text: ({ budgetId }: Grant) => budgetId },
    {
      title: 'AMOUNT',
      align: 'right' as const,
      text: ({ amountNanos }: Grant) => formatUsd(amountNanos),
    },
    { title: 'FROM', text: ({ startsAt }: Grant) => timeText(startsAt) },
    { title: 'UNTIL', text: ({ endsAt }: Grant) => timeText(endsAt) },
    { title: 'BY', text: ({ actor }: Grant) => actor },
    { title: 'REASON', text: ({ reason }: Grant) => reason },
  ],
  addFilters: (command: Command) => command.option('--budget <id>', 'only grants of this budget'),
  rpc,
};

/** Grants are on record for good: there is no `update` and no `delete`. */
export const grantCommand: CliCommand = {
  name: 'grant',
  summary: 'grants: raise a budget for a time',
  examples: [
    {
      run: 'weir grant create trial --amount 50 --for 7d --reason "launch week" --actor ada@acme.example',
      does: '50 USD more for a week, from now on',
    },
    {
      run: 'weir grant create trial --amount 5 --until 2026-09-01T00:00:00Z --reason demo --actor ada',
      does: '5 USD more until September',
    },
    {
      run: 'weir grant list --budget trial',
      does: 'the grants of one budget, those of the past too',
    },
  ],
  register: (program, context) => {
    const group = program
      .command('grant')
      .description('grants: raise a budget for a time; they are never changed or deleted');
    addCreate(group, context);
    addGet(group, context, GRANT);
    addList(group, context, GRANT);
  },
};

function addCreate(group: Command, context: CliContext): void {
  const command = group
    .command('create')
    .description('raise a budget until a time')
    .argument('<budget>', 'the id of the budget');
  context
    .addCommonOptions(command)
    .option('--amount <usd>', 'US dollars more, exact to 9 decimals', parseUsd)
    .option('--from <time>', 'when it begins (default: now)', parseTimestamp)
    .option('--until <time>', 'when it is over, such as 2026-09-01T00:00:00Z', parseTimestamp)
    .option('--for <duration>', 'how long it lasts, such as 7d', parseDuration)
    .option('--reason <text>', 'why, at most 500 characters')
    .option('--actor <text>', 'who gives it, at most 200 characters')
    .option('--id <id>', 'its id; made up if left out')
    .action(async (budgetId: string, options: CreateOptions) => {
      const draft = draftOf(budgetId, options);
      const saved = await context.withService(options, ({ governance }) =>
        governance.createGrant({ grant: draft }),
      );
      showSaved(context, GRANT, options, { item: saved.grant });
    });
}

function draftOf(budgetId: string, options: CreateOptions): Grant {
  const { amount, reason, actor, id = '', from: startsAt } = options;
  if (amount === undefined) throw new CliError('--amount is missing: how many US dollars more.');
  if (reason === undefined) throw new CliError('--reason is missing: it stays on record.');
  if (actor === undefined) throw new CliError('--actor is missing: who gives the grant?');
  const endsAt = endOf(options);
  return {
    id,
    budgetId,
    amountNanos: amount,
    startsAt,
    endsAt,
    reason,
    actor,
    createdAt: undefined,
  };
}

function endOf({ from, until, for: lastsMs }: CreateOptions): Timestamp {
  if ((until === undefined) === (lastsMs === undefined)) {
    throw new CliError('When is it over? Give --until TIME or --for DURATION.');
  }
  if (until !== undefined) return until;
  const startMs = from ? Number(from.seconds) * 1_000 + from.nanos / 1_000_000 : Date.now();
  const endMs = Math.floor(startMs) + (lastsMs ?? 0);
  return { seconds: BigInt(Math.floor(endMs / 1_000)), nanos: (endMs % 1_000) * 1_000_000 };
}

const timeText = (time: Timestamp | undefined): string => (time ? formatTimestamp(time) : '');
