import type { Command } from 'commander';
import type { Price } from '../../gen/weir/v1/governance_service.js';
import type { CliContext, CommonOptions } from '../context.js';
import { splitModel } from '../input/call-target.js';
import { parseCount } from '../input/numbers.js';
import { readPriceFile } from '../input/price-file.js';
import { price } from '../json/policy-messages.js';
import { type Resource, resourceCommand } from './resource.js';

interface Options {
  readonly model?: string;
  readonly provider?: string;
  readonly input?: bigint;
  readonly output?: bigint;
  readonly cachedInput?: bigint;
  readonly reasoning?: bigint;
}

const picosText = (picos: bigint | undefined): string => picos?.toString() ?? '';

const PRICE: Resource<Price, Options> = {
  name: 'price',
  plural: 'prices',
  summary: 'what the tokens of a model cost, in pico-USD (micro-USD per million tokens)',
  examples: [
    { run: 'weir price import prices.csv', does: 'create or update all prices of a file' },
    { run: 'weir price list --provider openai', does: 'the prices of one provider' },
    {
      run: 'weir price create --model openai/gpt-4o --input 2500000 --output 10000000',
      does: '2.50 USD for a million input tokens, 10 USD for a million output tokens',
    },
  ],
  codec: price,
  defaults: {},
  columns: [
    { title: 'ID', text: ({ id }) => id },
    { title: 'PROVIDER', text: ({ provider }) => provider },
    { title: 'MODEL', text: ({ model }) => model },
    { title: 'INPUT', align: 'right', text: (p) => picosText(p.inputPicoUsdPerToken) },
    { title: 'CACHED INPUT', align: 'right', text: (p) => picosText(p.cachedInputPicoUsdPerToken) },
    { title: 'OUTPUT', align: 'right', text: (p) => picosText(p.outputPicoUsdPerToken) },
    { title: 'REASONING', align: 'right', text: (p) => picosText(p.reasoningPicoUsdPerToken) },
    { title: 'REVISION', align: 'right', text: ({ revision }) => String(revision) },
  ],
  addOptions: addPriceOptions,
  addFilters: (command) => command.option('--provider <name>', 'only prices of this provider'),
  apply: applyPrice,
  rpc: {
    create: async (service, item) => ({ item: (await service.createPrice({ price: item })).price }),
    get: async (service, id) => (await service.getPrice({ id })).price,
    list: async (service, page, { provider = '' }) => {
      const { prices, nextPageToken } = await service.listPrices({ ...page, provider });
      return { items: prices, nextPageToken };
    },
    update: async (service, item, updateMask) => ({
      item: (await service.updatePrice({ price: item, updateMask })).price,
    }),
    delete: (service, id) => service.deletePrice({ id }),
  },
};

export const priceCommand = resourceCommand(PRICE, addImport);

function addImport(group: Command, context: CliContext): void {
  const command = group
    .command('import')
    .description(
      'create or update all prices of a CSV file, all or none. Columns: provider, model, ' +
        'input_pico_usd_per_token, output_pico_usd_per_token, and if wanted ' +
        'cached_input_pico_usd_per_token and reasoning_pico_usd_per_token',
    )
    .argument('<file>');
  context.addCommonOptions(command).action(async (file: string, options: CommonOptions) => {
    const prices = await readPriceFile(file);
    const answer = await context.withService(options, ({ governance }) =>
      governance.importPrices({ prices: [...prices] }),
    );
    const { created, updated, unchanged } = answer;
    context.answer(options, {
      json: () => ({ created, updated, unchanged }),
      text: () => `Prices: ${created} created, ${updated} updated, ${unchanged} unchanged.\n`,
    });
  });
}

function addPriceOptions(command: Command, purpose: 'create' | 'update'): Command {
  if (purpose === 'create') {
    command.option('--model <provider/model>', 'the model that is priced, such as openai/gpt-4o');
  }
  return command
    .option('--input <picos>', 'pico-USD for an input token', parseCount)
    .option('--output <picos>', 'pico-USD for an output token', parseCount)
    .option(
      '--cached-input <picos>',
      'for an input token from the cache (else as input)',
      parseCount,
    )
    .option('--reasoning <picos>', 'for a reasoning token (else as output)', parseCount);
}

function applyPrice(options: Options, draft: Price): readonly string[] {
  const paths: string[] = [];
  if (options.model !== undefined) Object.assign(draft, splitModel(options.model, '--model'));
  if (options.input !== undefined) paths.push('input_pico_usd_per_token');
  if (options.output !== undefined) paths.push('output_pico_usd_per_token');
  if (options.cachedInput !== undefined) paths.push('cached_input_pico_usd_per_token');
  if (options.reasoning !== undefined) paths.push('reasoning_pico_usd_per_token');
  draft.inputPicoUsdPerToken = options.input ?? draft.inputPicoUsdPerToken;
  draft.outputPicoUsdPerToken = options.output ?? draft.outputPicoUsdPerToken;
  draft.cachedInputPicoUsdPerToken = options.cachedInput ?? draft.cachedInputPicoUsdPerToken;
  draft.reasoningPicoUsdPerToken = options.reasoning ?? draft.reasoningPicoUsdPerToken;
  return paths;
}
