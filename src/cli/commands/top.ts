import { setTimeout as delay } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { ListBusiestCountersResponse } from '../../gen/weir/v1/inspection_service.js';
import { fromDuration } from '../../rpc/proto-time.js';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { parseDuration } from '../input/duration.js';
import { integerBetween } from '../input/numbers.js';
import { busiestCounters } from '../json/inspection-messages.js';
import { busyColumns } from '../output/inspection-text.js';

interface Options extends CommonOptions {
  readonly count: number;
  /** In milliseconds. */
  readonly interval: number;
  readonly once?: boolean;
}

/** As terminals have understood it for forty years: home, and clear to the end. */
const CLEAR = '\u001B[H\u001B[J';

export const topCommand: CliCommand = {
  name: 'top',
  summary: 'the counters of limits that a replica is asked for most',
  examples: [
    { run: 'weir top', does: 'the twenty busiest, every two seconds, until Ctrl-C' },
    { run: 'weir top --once --count 5', does: 'the five busiest, once' },
    { run: "weir top --json | jq -r '.counters[].policyId'", does: 'once, for programs' },
  ],
  register: (program, context) => {
    const command = program
      .command('top')
      .description('show which counters one replica was asked for most in the last minute or two');
    context
      .addCommonOptions(command)
      .option('--count <n>', 'how many counters', integerBetween(1, 500), 20)
      .option('--interval <duration>', 'how often to look again', interval, 2_000)
      .option('--once', 'look once, and end')
      .action((options: Options) => top(options, context));
  },
};

function interval(text: string): number {
  const ms = parseDuration(text);
  if (ms >= 100 && ms <= 3_600_000) return ms;
  throw new InvalidArgumentError('Give a duration from 100ms to 1h.');
}

async function top(options: Options, context: CliContext): Promise<void> {
  await context.withService(options, async ({ inspection }) => {
    const ask = () => inspection.listBusiestCounters({ pageSize: options.count });
    if (options.once || options.json) return show(options, context, await ask());
    const stopped = context.io.stopRequested().then(() => true);
    do show(options, context, await ask());
    while (!(await Promise.race([stopped, delay(options.interval, false)])));
  });
}

function show(options: Options, context: CliContext, response: ListBusiestCountersResponse): void {
  const clear = context.io.stdout.isTTY === true && !options.once ? CLEAR : '';
  context.answer(options, {
    json: () => busiestCounters.write(response),
    text: () => `${clear}${tableOf(context, response)}${clear === '' && !options.once ? '\n' : ''}`,
  });
}

function tableOf(context: CliContext, response: ListBusiestCountersResponse): string {
  const { counters, observed } = response;
  if (counters.length === 0) return 'Nothing was asked for in the last minute.\n';
  const seconds = observed === undefined ? 0 : fromDuration(observed) / 1_000;
  return context.table(busyColumns(seconds), counters);
}
