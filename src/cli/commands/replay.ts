import { InvalidArgumentError } from 'commander';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { EXIT } from '../exit-code.js';
import { parseDuration } from '../input/duration.js';
import { collect } from '../input/lists.js';
import { integerBetween, parseFactor } from '../input/numbers.js';
import { renderFacts } from '../output/table.js';
import { startThrowawayService } from '../own-service.js';
import { newRunId } from '../replay/plan.js';
import { prepareReplay, type PreparedReplay, replay } from '../replay/replay.js';
import {
  agrees,
  LATENCY_COLUMNS,
  latencyRows,
  reportFacts,
  reportJson,
  type ReplayReport,
  SUM_COLUMNS,
  sumRows,
  verdictText,
} from '../replay/report.js';

interface Options extends CommonOptions {
  readonly trace: string;
  readonly prices: string;
  readonly model?: readonly string[];
  readonly keys: number;
  readonly speed: number;
  readonly concurrency: number;
  readonly limits?: string;
  readonly estimateFactor: number;
  readonly run?: string;
  readonly patience: number;
}

export const replayCommand: CliCommand = {
  name: 'replay',
  summary: 'send a recorded trace; compare the ledger with the file to the nano-dollar',
  examples: [
    {
      run: 'weir replay --trace conv.csv --prices prices.csv --model openai/gpt-4o',
      does: 'flat out, to a service of its own that is gone afterwards',
    },
    {
      run: 'weir replay --trace conv.csv --prices prices.csv --target 127.0.0.1:50051 --run monday',
      does: 'to a running service; the same --run again resumes, and changes nothing that was sent',
    },
    {
      run: 'weir replay --trace conv.csv --prices prices.csv --keys 10 --limits limits.yaml --speed 60',
      does: 'an hour in a minute, ten keys with limits each',
    },
  ],
  register: (program, context) => {
    const command = program
      .command('replay')
      .description(
        'Sends a CheckLimit and a DebitBudget for each row of a trace (columns TIMESTAMP, ' +
          'ContextTokens, GeneratedTokens) over gRPC. Rows go to keys in turn, and to models in ' +
          'turn with each round of keys. A check holds the estimate, and the ' +
          'debit settles it. Only rows that were admitted are debited; without --limits all are. Exit code 4 if the sum of the ledger differs from that of the file.',
      );
    context
      .addCommonOptions(command)
      .requiredOption('--trace <file>', 'the trace, as CSV')
      .requiredOption(
        '--prices <file>',
        'prices, as for `weir price import`; those of the models are imported into the service',
      )
      .option(
        '--model <provider/model>',
        'a model of the price file; may be repeated (default: all)',
        collect,
      )
      .option('--keys <n>', 'how many virtual keys', integerBetween(1, 9_999), 1)
      .option(
        '--speed <n>',
        '1 keeps the spacing of the trace, 60 is an hour in a minute, 0 is flat out',
        parseFactor,
        0,
      )
      .option('--limits <file>', 'YAML of limits and budgets that every key gets')
      .option(
        '--estimate-factor <n>',
        'what a check sets aside, as a share of what the call will cost',
        parseFactor,
        1,
      )
      .option(
        '--run <id>',
        'names this run; the same name again resumes it (default: a new one)',
        runId,
      )
      .option(
        '--concurrency <n>',
        'how many rows are in flight at most',
        integerBetween(1, 1_000),
        64,
      )
      .option(
        '--patience <duration>',
        'how long to go on without any answer',
        parseDuration,
        120_000,
      )
      .addHelpText('after', LIMITS_HELP)
      .action((options: Options) => runReplay(options, context));
  },
};

const LIMITS_HELP = `
A file of limits:
  limits:
    - { max: 5, per: 10s }
    - { max: 1000, per: day, timeZone: Europe/Berlin }
  budgets:
    - { budget: '25.00', per: month }

Without --target it starts a service of its own, without limits of yours and on a database of its own.
`;

const DEFAULT_TIMEOUT_MS = 10_000;

async function runReplay(options: Options, context: CliContext): Promise<void> {
  const prepared = await prepareReplay(
    {
      trace: options.trace,
      prices: options.prices,
      models: options.model ?? [],
      keys: options.keys,
      speed: options.speed,
      concurrency: options.concurrency,
      estimateFactor: options.estimateFactor,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      runId: options.run ?? newRunId(new Date(), Math.random()),
      timeoutMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
      giveUpAfterMs: options.patience,
    },
    context.io,
  );
  // From here on a signal is a wish to stop in order, however far the start has come.
  void context.io.stopRequested();
  const report = await withTarget(prepared, options, context);
  const passed = report.incomparable !== undefined || agrees(report);
  if (!passed) context.exitCode = EXIT.FAILED;
  context.answer(options, {
    json: () => reportJson(report),
    text: () => reportText(report, context),
  });
}

async function withTarget(
  prepared: PreparedReplay,
  options: Options,
  context: CliContext,
): Promise<ReplayReport> {
  const { io } = context;
  const { rows } = prepared.summary;
  if (options.target !== undefined) {
    context.note(`Replaying ${rows} calls to ${options.target} as run ${prepared.plan.runId}.`);
    return replay(prepared, options.target, io);
  }
  context.note('Starting a service of its own; --target HOST:PORT would use a running one.');
  const service = await startThrowawayService(io.env);
  try {
    context.note(`Replaying ${rows} calls to ${service.grpcAddress}.`);
    return await replay(prepared, service.grpcAddress, io);
  } finally {
    await service.stop();
  }
}

function reportText(report: ReplayReport, context: CliContext): string {
  return [
    renderFacts(reportFacts(report)),
    context.table(LATENCY_COLUMNS, latencyRows(report)),
    context.table(SUM_COLUMNS, sumRows(report)),
    `${verdictText(report)}\n`,
  ].join('\n');
}

function runId(text: string): string {
  if (/^[A-Za-z0-9_.-]{1,32}$/.test(text)) return text;
  throw new InvalidArgumentError('Use 1 to 32 letters, digits, "_", "-" and ".".');
}
