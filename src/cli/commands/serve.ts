import { type Command, InvalidArgumentError } from 'commander';
import type { CliCommand } from '../command.js';
import type { CliContext } from '../context.js';
import { integerBetween } from '../input/numbers.js';
import { startOwnService } from '../service.js';

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
  let isStarting = true;
  const sayWhen = (): void => {
    if (isStarting) context.note('Weir stops as soon as it has started; ask again to end it now.');
  };
  void stopRequested.then(sayWhen);
  const service = await startOwnService({
    ...(options.config === undefined ? {} : { configFile: options.config }),
    overrides: { ...options.set, ...portOverrides(options) },
    env: context.io.env,
  });
  isStarting = false;
  const { grpcAddress, httpAddress } = service;
  context.answer(options, {
    json: () => ({ grpcAddress, httpAddress, pid: process.pid }),
    text: () =>
      `Weir answers gRPC on ${grpcAddress}, health and metrics on http://${httpAddress}\n`,
  });
  await stopRequested;
  await service.stop();
}

function setting(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give KEY=VALUE, such as log.level=debug.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
