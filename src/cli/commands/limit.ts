import { type Command, InvalidArgumentError } from 'commander';
import { Unit } from '../../gen/weir/v1/common.js';
import { Algorithm, type Limit } from '../../gen/weir/v1/governance_service.js';
import { CliError } from '../exit-code.js';
import { addPeriodOptions, type PeriodOptions, windowOf } from '../input/calendar.js';
import { addMatchOptions, applyMatch, type MatchOptions } from '../input/match.js';
import { parseCount } from '../input/numbers.js';
import { addOwnerOptions, OWNER_HINT, ownerOf, type OwnerOptions } from '../input/owner.js';
import { limit } from '../json/policy-messages.js';
import {
  limitName,
  matchText,
  ownerText,
  periodText,
  quantityText,
} from '../output/policy-text.js';
import { type Resource, resourceCommand } from './resource.js';

type Options = OwnerOptions & PeriodOptions & MatchOptions & OwnOptions;

interface OwnOptions {
  readonly name?: string;
  readonly max?: bigint;
  readonly algorithm?: Algorithm;
  readonly shadow?: boolean;
}

const LIMIT: Resource<Limit, Options> = {
  name: 'limit',
  plural: 'limits',
  summary: 'rate limits: how much may pass in a window of time',
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
    { title: 'PER', text: ({ window }) => periodText(window) },
    { title: 'ALGORITHM', text: ({ algorithm }) => algorithmText(algorithm) },
    { title: 'ON', text: ({ match }) => matchText(match) },
    { title: 'SHADOW', text: ({ shadow }) => (shadow ? 'yes' : '') },
  ],
  addOptions: addLimitOptions,
  addFilters: (command) => addOwnerOptions(command, 'only limits of'),
  apply: applyLimit,
  checkNew: (draft, options) => {
    if (!draft.owner) throw new CliError(`Whose limit? Add ${OWNER_HINT}.`);
    if (!draft.window) throw new CliError('--per is missing: a window, such as 1m or day.');
    // 0 is a maximum like any other, but not one to have by leaving something out.
    if (draft.maximum === 0n && options.max === undefined) {
      throw new CliError('--max is missing: how many requests a window holds.');
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
  command
    .option('--name <text>', 'for people, at most 200 characters')
    .option('--max <n>', 'how many requests a window holds; 0 denies everything', parseCount);
  addPeriodOptions(
    command,
    'the window: 1s to 366d, or minute, hour, day, week, month, quarter, year',
  );
  return addMatchOptions(command, purpose)
    .option('--algorithm <name>', 'sliding (default for 1s to 366d) or fixed', parseAlgorithm)
    .option('--shadow', 'count and report, but never deny')
    .option('--no-shadow', 'deny what does not fit');
}

function applyLimit(options: Options, draft: Limit): readonly string[] {
  const paths: string[] = [];
  const owner = ownerOf(options);
  if (owner) draft.owner = owner;
  const window = windowOf(options);
  if (window) {
    draft.window = window;
    paths.push(window.$case);
  }
  if (options.name !== undefined) paths.push('name');
  if (options.max !== undefined) paths.push('maximum');
  if (options.algorithm !== undefined) paths.push('algorithm');
  if (options.shadow !== undefined) paths.push('shadow');
  draft.name = options.name ?? draft.name;
  draft.maximum = options.max ?? draft.maximum;
  draft.algorithm = options.algorithm ?? draft.algorithm;
  draft.shadow = options.shadow ?? draft.shadow;
  draft.unit ||= Unit.UNIT_REQUESTS;
  return [...paths, ...applyMatch(options, draft)];
}

function parseAlgorithm(text: string): Algorithm {
  if (text === 'sliding') return Algorithm.ALGORITHM_SLIDING_WINDOW;
  if (text === 'fixed') return Algorithm.ALGORITHM_FIXED_WINDOW;
  throw new InvalidArgumentError('Write sliding or fixed.');
}

const algorithmText = (algorithm: Algorithm): string =>
  (Algorithm[algorithm] ?? '').replace('ALGORITHM_', '').replace('_', ' ').toLowerCase();
