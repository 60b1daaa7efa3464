import type { SurveyedSource } from '../../discovery/survey.js';
import type { CliCommand } from '../command.js';
import type { CliContext, OutputOptions } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { parseDuration } from '../input/duration.js';

interface Options extends OutputOptions {
  readonly config?: string;
  readonly wait: number;
}

const WAIT_DEFAULT_MS = 5_000;

export const discoverCommand: CliCommand = {
  name: 'discover',
  summary: 'look for replicas as a service would, and show what is found',
  examples: [
    { run: 'weir discover', does: 'with weir.yaml here, and the WEIR_* variables' },
    { run: 'weir discover --config /etc/weir.yaml --wait 20s', does: 'with another file, longer' },
  ],
  register: (program, context) => {
    const command = program
      .command('discover')
      .description(
        'ask cluster.peers and the source of cluster.discovery, and print every address with what the ' +
          'address filter says; nothing is announced and nothing is joined',
      );
    context
      .addOutputOptions(command)
      .option('--config <file>', 'the file (default: WEIR_CONFIG, or weir.yaml if there is one)')
      .option('--wait <time>', 'how long to look, such as 5s', parseDuration, WAIT_DEFAULT_MS)
      .action((options: Options) => discover(options, context));
  },
};

async function discover(options: Options, context: CliContext): Promise<void> {
  const found = await look(options, context);
  if (found.length === 0) {
    throw new CliError(
      'There is nothing to ask: set cluster.peers, or cluster.discovery.enabled and its type.',
    );
  }
  if (found.some(({ fault }) => fault !== undefined)) context.exitCode = EXIT.UNAVAILABLE;
  context.answer(options, {
    json: () => ({ sources: found.map(asJson) }),
    text: () => found.map((source) => text(source, context)).join('\n'),
  });
}

/** Loaded only here: the rest of the command line needs no configuration of a service. */
async function look(
  { config: file, wait }: Options,
  { io }: CliContext,
): Promise<readonly SurveyedSource[]> {
  const { loadServiceConfig } = await import('../service-config.js');
  const { makeSources } = await import('../discovery-sources.js');
  const { survey } = await import('../../discovery/survey.js');
  const { AllowedNetworks } = await import('../../common/allowed-networks.js');
  const { config } = loadServiceConfig(file, io.env);
  const { allowedAddressSpace } = config.cluster.discovery;
  return survey(makeSources(config.cluster), new AllowedNetworks(allowedAddressSpace), wait);
}

const asJson = ({ source, hasAnswered, fault, addresses }: SurveyedSource) => ({
  source,
  hasAnswered,
  fault: fault ?? null,
  addresses: addresses.map(({ address, origin, refusal }) => ({
    address,
    origin,
    refusal: refusal ?? null,
  })),
});

function text(
  { source, hasAnswered, fault, addresses }: SurveyedSource,
  context: CliContext,
): string {
  const allowed = addresses.filter(({ refusal }) => refusal === undefined).length;
  const state = hasAnswered
    ? `${addresses.length} found, ${allowed} of them would be called`
    : 'has not answered';
  const lines = [`${source}: ${state}`, ...(fault === undefined ? [] : [`  fails: ${fault}`])];
  const table = context.table(
    [
      { title: 'ADDRESS', text: ({ address }) => address },
      { title: 'FROM', text: ({ origin }) => origin },
      { title: 'VERDICT', text: ({ refusal }) => refusal ?? 'would be called' },
    ],
    addresses,
  );
  return `${lines.join('\n')}\n${addresses.length === 0 ? '' : table}`;
}
