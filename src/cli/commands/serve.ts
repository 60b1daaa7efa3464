import { type Command, InvalidArgumentError } from 'commander';
import type { CliCommand } from '../command.js';
import type { CliContext } from '../context.js';
import { integerBetween } from '../input/numbers.js';
import { type RunningService, startOwnService } from '../service.js';

export interface PortOptions {
  readonly grpcPort?: number;
  readonly httpPort?: number;
}

interface Options extends PortOptions {
  readonly config?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

export const serveCommand: CliCommand = {
  name: 'serve',
  summary: 'start a service; it runs until SIGTERM or Ctrl-C',
  examples: [
    { run: 'weir serve', does: 'on the embedded database, with its data in ./.weir' },
    { run: 'weir serve --config /etc/weir.yaml', does: 'with a file of settings' },
    { run: 'weir serve --set log.level=debug --grpc-port 50052', does: 'with single settings' },
  ],
  register: (program, context) => {
    const command = context.addOutputOptions(program.command('serve'));
    addPortOptions(command)
      .option('--config <file>', 'the file (default: WEIR_CONFIG, or weir.yaml if there is one)')
      .option('--set <key=value>', 'one setting, such as log.level=debug; may be repeated', setting)
      .action((options: Options) => serve(options, context));
  },
};

export function addPortOptions(command: Command): Command {
  const port = integerBetween(0, 65_535);
  return command
    .option(
      '--grpc-port <port>',
      'port of the gRPC API; 0 takes any free one (default: 50051)',
      port,
    )
    .option(
      '--http-port <port>',
      'port of health and metrics; 0: any free one (default: 8080)',
      port,
    );
}

export function portOverrides({ grpcPort, httpPort }: PortOptions): Record<string, unknown> {
  return {
    ...(grpcPort === undefined ? {} : { 'grpc.port': grpcPort }),
    ...(httpPort === undefined ? {} : { 'http.port': httpPort }),
  };
}

async function serve(options: Options, context: CliContext): Promise<void> {
  // From here on a signal is a wish to stop in order, however far the start has come.
  const stopRequested = context.io.stopRequested();
  const service = await startUnless(stopRequested, options, context);
  if (service === undefined) return;
  const { grpcAddress, httpAddress } = service;
  context.answer(options, {
    json: () => ({ grpcAddress, httpAddress, pid: process.pid }),
    text: () =>
      `Weir answers gRPC on ${grpcAddress}, health and metrics on http://${httpAddress}\n`,
  });
  await stopRequested;
  await service.stop();
}

/** Undefined if it was asked to stop, and could, before it had started. */
async function startUnless(
  stopRequested: Promise<void>,
  options: Options,
  context: CliContext,
): Promise<RunningService | undefined> {
  const stop = new AbortController();
  let isStarting = true;
  const giveUp = (): void => {
    if (isStarting) context.note('Stopping as soon as the start allows; ask again to end at once.');
    stop.abort();
  };
  void stopRequested.then(giveUp);
  try {
    return await startOwnService({
      ...(options.config === undefined ? {} : { configFile: options.config }),
      overrides: { ...options.set, ...portOverrides(options) },
      env: context.io.env,
      stop: stop.signal,
    });
  } catch (error) {
    if (error === stop.signal.reason) return undefined;
    throw error;
  } finally {
    isStarting = false;
  }
}

function setting(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give KEY=VALUE, such as log.level=debug.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
