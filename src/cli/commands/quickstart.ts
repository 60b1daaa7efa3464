import type { CliCommand } from '../command.js';
import { connect } from '../connection.js';
import type { CliContext, OutputOptions } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { type DemoCall, playDemo, untilBurstIsFree } from '../quickstart/demo.js';
import { findOrStart, type QuickstartService, stop } from '../quickstart/running.js';
import { type Scene, setScene } from '../quickstart/scene.js';
import { introText, nextText, outroText, STORY_COLUMNS, storyJson } from '../quickstart/story.js';
import { addPortOptions, type PortOptions } from './serve.js';

interface Options extends OutputOptions, PortOptions {
  readonly folder: string;
  readonly exit?: boolean;
}

export const quickstartCommand: CliCommand = {
  name: 'quickstart',
  summary: 'see a limit and a budget at work, on a service that is left running',
  examples: [
    { run: 'weir quickstart', does: 'start, show, and run on until Ctrl-C' },
    { run: 'weir quickstart --grpc-port 0 --http-port 0', does: 'on any free ports' },
    { run: 'weir quickstart --exit --json', does: 'for a script: show, stop the service, end' },
  ],
  register: (program, context) => {
    const command = program
      .command('quickstart')
      .description(
        'Starts a service on the embedded database in ./.weir, creates a customer, a team and a ' +
          'key with two limits and a monthly budget, and calls it until one call is rate limited ' +
          'and one is out of budget. Running it again works.',
      );
    addPortOptions(context.addOutputOptions(command))
      .option('--folder <dir>', 'where its data is kept', '.weir')
      .option('--exit', 'end after the demonstration, instead of leaving the service running')
      .action((options: Options) => quickstart(options, context));
  },
};

async function quickstart(options: Options, context: CliContext): Promise<void> {
  const { io } = context;
  const stopRequested = io.stopRequested();
  context.note('Starting Weir on its embedded database ..');
  const service = await findOrStart({ ...options, env: io.env });
  if (!service.own) {
    context.note(
      `A quickstart is running here already (process ${service.pid}, ${service.grpcAddress}); using it.`,
    );
  }
  try {
    await Promise.race([
      demonstrate(service, options, context),
      stopRequested.then(() => {
        throw new CliError('Stopped before the demonstration was over.', EXIT.FAILED);
      }),
    ]);
    if (!service.own || options.exit) return;
    context.note('\nThe service is running. Ctrl-C stops it; its data stays for the next time.');
    await stopRequested;
  } finally {
    await stop(service, options.folder);
  }
}

async function demonstrate(
  service: QuickstartService,
  options: Options,
  context: CliContext,
): Promise<void> {
  const connection = connect(service.grpcAddress);
  const say = (text: string): void => context.note(text);
  try {
    const scene = await setScene(connection);
    await untilBurstIsFree(connection, say);
    const calls = await playDemo(connection, say);
    context.answer(options, {
      json: () => ({
        grpcAddress: service.grpcAddress,
        httpAddress: service.httpAddress,
        calls: storyJson(calls),
      }),
      text: () => storyText(scene, calls, { service, options, context }),
    });
  } finally {
    connection.close();
  }
}

function storyText(
  scene: Scene,
  calls: readonly DemoCall[],
  around: { service: QuickstartService; options: Options; context: CliContext },
): string {
  const { service, options, context } = around;
  const runsOn = !service.own || !options.exit;
  return [
    `\n${introText(scene, service.grpcAddress)}`,
    context.table(STORY_COLUMNS, calls),
    outroText(calls),
    runsOn ? nextText(invocation(context.io.env), service, scene) : '',
  ].join('');
}

/** How this program was called, so that the printed commands work when they are copied. */
const invocation = (env: NodeJS.ProcessEnv): string =>
  env['npm_lifecycle_event'] === undefined ? 'weir' : 'npm run --silent weir --';
