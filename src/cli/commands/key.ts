import type { Command } from 'commander';
import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';
import type { AllowList, VirtualKey } from '../../gen/weir/v1/governance_service.js';
import type { CliContext, CommonOptions } from '../context.js';
import { collect } from '../input/lists.js';
import { formatTimestamp, parseTimestamp } from '../input/timestamp.js';
import { virtualKey } from '../json/policy-messages.js';
import { type Resource, resourceCommand, showSaved } from './resource.js';

interface Options {
  readonly name?: string;
  readonly team?: string;
  readonly customer?: string;
  readonly active?: boolean;
  /** `false` from `--no-expiry`. */
  readonly expiry?: boolean;
  readonly expires?: Timestamp;
  readonly allowProvider?: readonly string[];
  readonly allowAnyProvider?: boolean;
  readonly allowModel?: readonly string[];
  readonly allowAnyModel?: boolean;
}

const KEY: Resource<VirtualKey, Options> = {
  name: 'key',
  plural: 'keys',
  listField: 'virtualKeys',
  summary: 'virtual keys: what a caller of the gateway authenticates with',
  examples: [
    {
      run: 'weir key create ada --team search --allow-provider openai --allow-model "gpt-4*"',
      does: 'a key of a team, for some models only; its secret is shown this once',
    },
    {
      run: 'weir key update ada --no-active',
      does: 'switch it off; --active switches it on again',
    },
    {
      run: 'weir key update ada --expires 2027-01-01',
      does: 'let it expire; --no-expiry undoes it',
    },
    { run: 'weir key rotate ada', does: 'a new secret; the old one stops working' },
  ],
  codec: virtualKey,
  defaults: { active: true },
  defaultName: ({ id }) => id,
  columns: [
    { title: 'ID', text: ({ id }) => id },
    { title: 'NAME', text: ({ name }) => name },
    { title: 'TEAM', text: ({ teamId }) => teamId },
    { title: 'CUSTOMER', text: ({ customerId }) => customerId },
    { title: 'ACTIVE', text: ({ active }) => (active ? 'yes' : 'no') },
    { title: 'EXPIRES', text: ({ expiresAt }) => (expiresAt ? formatTimestamp(expiresAt) : '') },
    { title: 'PROVIDERS', text: ({ allowedProviders }) => allowText(allowedProviders) },
    { title: 'MODELS', text: ({ allowedModels }) => allowText(allowedModels) },
    { title: 'SECRET BEGINS', text: ({ secretHint }) => secretHint },
  ],
  addOptions: addKeyOptions,
  addFilters: (command) =>
    command
      .option('--customer <id>', 'only keys of this customer')
      .option('--team <id>', 'only keys of this team'),
  apply: applyKey,
  rpc: {
    create: async (service, item) => {
      const { virtualKey: created, secret } = await service.createVirtualKey({ virtualKey: item });
      return { item: created, secret };
    },
    get: async (service, id) => (await service.getVirtualKey({ id })).virtualKey,
    list: async (service, page, { customer = '', team = '' }) => {
      const { virtualKeys, nextPageToken } = await service.listVirtualKeys({
        ...page,
        customerId: customer,
        teamId: team,
      });
      return { items: virtualKeys, nextPageToken };
    },
    update: async (service, item, updateMask) => ({
      item: (await service.updateVirtualKey({ virtualKey: item, updateMask })).virtualKey,
    }),
    delete: (service, id) => service.deleteVirtualKey({ id }),
  },
};

export const keyCommand = resourceCommand(KEY, addRotate);

function addRotate(group: Command, context: CliContext): void {
  const command = group
    .command('rotate')
    .description('give a key a new secret; the old one stops working')
    .argument('<id>');
  context.addCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    const { virtualKey: item, secret } = await context.withService(options, ({ governance }) =>
      governance.rotateVirtualKey({ id }),
    );
    showSaved(context, KEY, options, { item, secret });
  });
}

function addKeyOptions(command: Command, purpose: 'create' | 'update'): Command {
  command
    .option('--name <text>', 'for people, at most 200 characters')
    .option('--team <id>', 'the team it belongs to')
    .option('--customer <id>', 'the customer it belongs to, if it has no team')
    .option('--active', 'it may be used (what a new key is)')
    .option('--no-active', 'it may not be used')
    .option(
      '--expires <time>',
      'it stops working then, such as 2027-01-01T00:00:00Z',
      parseTimestamp,
    )
    .option('--allow-provider <names>', 'only these providers; "*" is any', collect)
    .option('--allow-model <names>', 'only these models; a trailing "*" is any ending', collect);
  if (purpose === 'create') return command;
  return command
    .option('--no-expiry', 'it does not expire')
    .option('--allow-any-provider', 'no list of providers')
    .option('--allow-any-model', 'no list of models');
}

/** Each row: whether the option was given, the path, and what it does to the draft. */
function applyKey(options: Options, draft: VirtualKey): readonly string[] {
  const { name, team, customer, active, expires } = options;
  const rows: readonly (readonly [boolean, string, () => void])[] = [
    [name !== undefined, 'name', () => (draft.name = name ?? '')],
    [team !== undefined, 'team_id', () => (draft.teamId = team ?? '')],
    [customer !== undefined, 'customer_id', () => (draft.customerId = customer ?? '')],
    [active !== undefined, 'active', () => (draft.active = active ?? true)],
    [
      expires !== undefined || options.expiry === false,
      'expires_at',
      () => (draft.expiresAt = expires),
    ],
    [
      options.allowProvider !== undefined || options.allowAnyProvider === true,
      'allowed_providers',
      () => (draft.allowedProviders = allowList(options.allowProvider)),
    ],
    [
      options.allowModel !== undefined || options.allowAnyModel === true,
      'allowed_models',
      () => (draft.allowedModels = allowList(options.allowModel)),
    ],
  ];
  const given = rows.filter(([isGiven]) => isGiven);
  for (const [, , write] of given) write();
  return given.map(([, path]) => path);
}

const allowList = (names: readonly string[] | undefined): AllowList | undefined =>
  names && { names: [...names] };

function allowText(list: AllowList | undefined): string {
  if (!list) return 'any';
  return list.names.length === 0 ? 'none' : list.names.join(', ');
}
