import { Command, CommanderError } from 'commander';
import type { CliCommand, Example } from './command.js';
import { COMMANDS } from './commands.js';
import { CliContext } from './context.js';
import { describeFailure } from './errors.js';
import { EXIT, type ExitCode } from './exit-code.js';
import type { CliIo } from './io.js';
import { VERSION } from '../config/version.js';

const EPILOGUE = `
Exit codes:
  0  done; for \`check\`: the call is allowed
  1  for \`check\`: the call is denied
  2  the command line, a file or a value is wrong, or names something that does not exist
  3  no service answers, or it cannot serve now
  4  anything else

Environment:
  WEIR_TARGET      the service to talk to, HOST:PORT (default: 127.0.0.1:50051)
  WEIR_KEY_SECRET  the secret of the virtual key that calls, for check, debit and usage
  WEIR_*           settings of the service itself, for serve
  NO_COLOR         no colours

Amounts are US dollars as decimal numbers, exact to 9 decimals (one nano-dollar).
Durations are 250ms, 30s, 5m, 1h, 7d; calendar periods are day, week, month, quarter, year.
`;

const START = `
First steps:
  weir quickstart                                   see a limit and a budget at work
  weir serve                                        start a service
  weir key create ada && weir limit create --key ada --max 100 --per 1m
  weir check --key ada --model openai/gpt-4o        may this call go ahead?

\`weir COMMAND --help\` explains a command, with examples.
`;

/** Runs one command line (without `node` and the script) and answers its exit code. */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  const context = new CliContext(io);
  const program = buildProgram(context, COMMANDS);
  try {
    if (args.length === 0) program.help();
    await program.parseAsync([...args], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    return fail(error, args, io);
  }
}

export function buildProgram(context: CliContext, commands: readonly CliCommand[]): Command {
  const program = new Command('weir')
    .description('Rate limits and budgets for API and LLM gateways.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('--help', 'explain the command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.io.stdout.write(text),
      writeErr: (text) => context.io.stderr.write(text),
      // Printed once, by `fail`, in the form that the caller asked for.
      outputError: () => undefined,
      getOutHelpWidth: () => context.io.stdout.columns ?? 100,
    });
  program.addHelpText('after', START + EPILOGUE);
  for (const command of commands) {
    command.register(program, context);
    addExamples(program, command);
  }
  return program;
}

function addExamples(program: Command, { name, summary, examples }: CliCommand): void {
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (!command) return;
  command.summary(summary);
  if (command.description() === '') command.description(summary);
  addExampleText(command, examples);
  for (const sub of command.commands) {
    const prefix = `weir ${name} ${sub.name()}`;
    addExampleText(
      sub,
      examples.filter(({ run }) => run.startsWith(prefix)),
    );
  }
}

function addExampleText(command: Command, examples: readonly Example[]): void {
  if (examples.length === 0) return;
  const lines = examples.map(({ run, does }) => `  # ${does}\n  ${run}\n`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}\nExit codes: \`weir --help\`.\n`);
}

function fail(error: unknown, args: readonly string[], io: CliIo): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.OK;
    // `weir` or `weir key` alone: the help was the answer.
    if (error.code === 'commander.help') return EXIT.USAGE;
    return report(io, args, {
      exitCode: EXIT.USAGE,
      text: usageText(error),
      json: usageJson(error),
    });
  }
  return report(io, args, describeFailure(error));
}

function report(
  io: CliIo,
  args: readonly string[],
  failure: ReturnType<typeof describeFailure>,
): ExitCode {
  const asJson = args.includes('--json');
  const text = asJson ? JSON.stringify({ error: failure.json }) : `weir: ${failure.text}`;
  io.stderr.write(`${text}\n`);
  return failure.exitCode;
}

const usageText = ({ message }: CommanderError): string => message.replace(/^error: /, '');

const usageJson = (error: CommanderError): { code: string; message: string } => ({
  code: 'INVALID_ARGUMENT',
  message: usageText(error),
});
