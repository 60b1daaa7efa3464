import type { Command } from 'commander';
import { Unit } from '../../gen/weir/v1/common.js';
import type { Fallback, Limit, Scope } from '../../gen/weir/v1/governance_service.js';
import type { Connection } from '../connection.js';
import { CliError } from '../exit-code.js';
import { parseFallback } from '../input/fallback.js';
import { addLimitRuleOptions, applyLimitRule, type LimitRuleOptions } from '../input/limit-rule.js';
import { collect } from '../input/lists.js';
import { addMatchOptions, applyMatch, type MatchOptions } from '../input/match.js';
import { integerBetween } from '../input/numbers.js';
import { addOwnerOptions, OWNER_HINT, ownerOf, type OwnerOptions } from '../input/owner.js';
import { parseScope } from '../input/scope.js';
import { limit } from '../json/policy-messages.js';
import {
  algorithmText,
  groupByText,
  limitName,
  limitWindowText,
  scopeText,
} from '../output/limit-text.js';
import {
  fallbackText,
  matchText,
  ownerText,
  quantityText,
  unitText,
} from '../output/policy-text.js';
import { type Resource, resourceCommand } from './resource.js';

type Governance = Connection['governance'];
type Options = OwnerOptions & LimitRuleOptions & MatchOptions & OwnOptions;

interface OwnOptions {
  readonly name?: string;
  readonly shadow?: boolean;
  /** False: one counter for all calls. */
  readonly groupBy?: readonly string[] | false;
  readonly groupsMax?: number;
  readonly onUnavailable?: Fallback;
  readonly scope?: Scope;
}

const LIMIT: Resource<Limit, Options> = {
  name: 'limit',
  plural: 'limits',
  summary: 'rate limits: how much may pass in a window of time, or at once',
  examples: [
    { run: 'weir limit create --key ada --max 100 --per 1m', does: '100 requests a minute' },
    {
      run: 'weir limit create daily --team search --max 10000 --per day --time-zone Europe/Berlin',
      does: 'a limit that begins anew at midnight in Berlin',
    },
    {
      run: 'weir limit create --root --max 50 --per 1s --on-model "gpt-4*" --shadow',
      does: 'count and report, but do not deny yet',
    },
    {
      run: 'weir limit create --team search --max 200000 --unit tokens --per 1m --group-by model',
      does: '200,000 tokens a minute, for each model apart',
    },
    {
      run: 'weir limit create --key ada --rate 10/s --burst 20',
      does: 'a token bucket: 10 requests a second, 20 at once after a pause',
    },
    { run: 'weir limit create --key ada --max 0.50usd --per 1h', does: 'half a dollar an hour' },
    {
      run: 'weir limit create --key ada --max 5 --hold 30s',
      does: '5 calls under way at once; one that nobody ends gives its place back after 30 seconds',
    },
    {
      run: 'weir limit create --root --max 60 --per 1m --group-by label:user --groups-max 50000',
      does: '60 a minute for every user; those beyond 50,000 share one counter',
    },
    {
      run: 'weir limit create --team search --max 500 --per 1m --scope region',
      does: '500 a minute in each region; without --scope, 500 in all together',
    },
    { run: 'weir limit update daily --max 20000', does: 'raise it; what was counted stays' },
    { run: 'weir limit list --key ada', does: 'the limits of one owner' },
  ],
  codec: limit,
  defaults: { unit: 'UNIT_REQUESTS' },
  defaultName: limitName,
  columns: [
    { title: 'ID', text: ({ id }) => id },
    { title: 'NAME', text: ({ name }) => name },
    { title: 'OWNER', text: ({ owner }) => ownerText(owner) },
    { title: 'MAX', align: 'right', text: ({ maximum, unit }) => quantityText(maximum, unit) },
    { title: 'UNIT', text: ({ unit }) => unitText(unit) },
    { title: 'PER', text: limitWindowText },
    { title: 'ALGORITHM', text: ({ algorithm }) => algorithmText(algorithm) },
    { title: 'ON', text: ({ match }) => matchText(match) },
    { title: 'GROUP BY', text: groupByText },
    { title: 'SCOPE', text: scopeText },
    { title: 'SHADOW', text: ({ shadow }) => (shadow ? 'yes' : '') },
  ],
  details: [{ title: 'ON UNAVAILABLE', text: ({ onUnavailable }) => fallbackText(onUnavailable) }],
  addOptions: addLimitOptions,
  addFilters: (command) => addOwnerOptions(command, 'only limits of'),
  apply: applyLimit,
  checkNew: (draft, options) => {
    if (!draft.owner) throw new CliError(`Whose limit? Add ${OWNER_HINT}.`);
    if (!draft.window)
      throw new CliError(
        '--per is missing: a window, such as 1m or day. Or give --rate or --hold.',
      );
    // 0 is a maximum like any other, but not one to have by leaving something out.
    if (draft.maximum === 0n && options.max === undefined && options.burst === undefined) {
      throw new CliError('--max is missing: how much a window holds.');
    }
  },
  rpc: {
    create: async (service, item) => ({ item: (await service.createLimit({ limit: item })).limit }),
    get: async (service, id) => (await service.getLimit({ id })).limit,
    list: async (service, page, filter) => {
      const { limits, nextPageToken } = await service.listLimits({
        ...page,
        owner: ownerOf(filter),
      });
      return { items: limits, nextPageToken };
    },
    update: async (service, item, updateMask) => {
      await refuseBareMoney(service, item.id, updateMask);
      const { limit: updated, counterRestarted } = await service.updateLimit({
        limit: item,
        updateMask,
      });
      const note =
        'What was counted so far does not carry over: the limit now means something else.';
      return { item: updated, extra: { counterRestarted }, ...(counterRestarted ? { note } : {}) };
    },
    delete: (service, id) => service.deleteLimit({ id }),
  },
};

export const limitCommand = resourceCommand(LIMIT);

function addLimitOptions(command: Command, purpose: 'create' | 'update'): Command {
  if (purpose === 'create') addOwnerOptions(command, 'whose limit');
  command.option('--name <text>', 'for people, at most 200 characters');
  addMatchOptions(addLimitRuleOptions(command), purpose)
    .option('--shadow', 'count and report, but never deny')
    .option('--no-shadow', 'deny what does not fit')
    .option(
      '--group-by <keys>',
      'a counter for each virtual_key, team, customer, provider, model or label:NAME',
      collect,
    )
    .option('--groups-max <n>', 'so many groups apart (default: 10000)', integerBetween(1, 1e7))
    .option('--scope <what>', 'who counts together: global, or region, each apart', parseScope)
    .option('--on-unavailable <what>', 'while no counter is free: deny or allow', parseFallback);
  if (purpose === 'create') return command;
  return command.option('--no-group-by', 'one counter for all calls');
}

function applyLimit(options: Options, draft: Limit): readonly string[] {
  const { name, shadow, groupBy, groupsMax, onUnavailable, scope } = options;
  draft.owner = ownerOf(options) ?? draft.owner;
  const rule = applyLimitRule(options, draft);
  draft.name = name ?? draft.name;
  draft.shadow = shadow ?? draft.shadow;
  draft.onUnavailable = onUnavailable ?? draft.onUnavailable;
  draft.scope = scope ?? draft.scope;
  draft.groupBy = groupBy === false ? [] : [...(groupBy ?? draft.groupBy)];
  draft.groupsMax = groupsMax ?? draft.groupsMax;
  return [
    ...rule,
    ...(name === undefined ? [] : ['name']),
    ...(shadow === undefined ? [] : ['shadow']),
    ...applyMatch(options, draft),
    ...(groupBy === undefined ? [] : ['group_by']),
    ...(groupsMax === undefined ? [] : ['groups_max']),
    ...(onUnavailable === undefined ? [] : ['on_unavailable']),
    ...(scope === undefined ? [] : ['scope']),
  ];
}

/** A bare number for a limit of money would be taken for nano-USD. */
async function refuseBareMoney(service: Governance, id: string, mask: readonly string[]) {
  const isBare = mask.includes('maximum') || mask.includes('refill');
  if (!isBare || mask.includes('unit')) return;
  const { limit: current } = await service.getLimit({ id });
  if (current?.unit === Unit.UNIT_NANO_USD)
    throw new CliError('This limit counts US dollars: write them as such, --max 5.00usd.');
}
