import type { Command } from 'commander';
import type { Budget } from '../../gen/weir/v1/governance_service.js';
import { CliError } from '../exit-code.js';
import { addPeriodOptions, type BudgetPeriodOptions, periodOf } from '../input/calendar.js';
import {
  addBudgetRuleOptions,
  applyBudgetRules,
  type BudgetRuleOptions,
} from '../input/budget-rules.js';
import { addMatchOptions, applyMatch, type MatchOptions } from '../input/match.js';
import { addOwnerOptions, OWNER_HINT, ownerOf, type OwnerOptions } from '../input/owner.js';
import { parseTimestamp } from '../input/timestamp.js';
import { formatUsd, parseUsd } from '../input/usd.js';
import { budget } from '../json/policy-messages.js';
import {
  budgetName,
  carryOverText,
  expiryText,
  fallbackText,
  matchText,
  ownerText,
  periodText,
  thresholdsText,
} from '../output/policy-text.js';
import { addBudgetReports, BUDGET_REPORT_EXAMPLES } from './budget-reports.js';
import { type Resource, resourceCommand } from './resource.js';

type Options = OwnerOptions & BudgetPeriodOptions & MatchOptions & BudgetRuleOptions & OwnOptions;

interface OwnOptions {
  readonly name?: string;
  readonly budget?: bigint;
  readonly shadow?: boolean;
}

const BUDGET: Resource<Budget, Options> = {
  name: 'budget',
  plural: 'budgets',
  summary: 'budgets: how much may be spent in a period',
  examples: [
    { run: 'weir budget create --team search --budget 25.00 --per month', does: '25 USD a month' },
    {
      run: 'weir budget create --key ada --budget 0.50 --per day --time-zone Europe/Berlin',
      does: 'half a dollar a day, anew at midnight in Berlin',
    },
    {
      run: 'weir budget create trial --customer acme --budget 10 --per lifetime',
      does: 'once and for all',
    },
    {
      run: 'weir budget create --team search --budget 5 --per 30d --anchor 2026-08-03',
      does: '5 USD every 30 days, counted from August 3',
    },
    {
      run: 'weir budget create --root --budget 100 --per month --carry-max 20 --carry-overage',
      does: 'hand on at most 20 USD of what is left of a month, and all that was overspent',
    },
    {
      run: 'weir budget create --key bot --budget 1 --per day --on-expiry charge-estimate --thresholds 90,100',
      does: 'owe what was reserved and never settled; tell at 90 and 100 %',
    },
    { run: 'weir budget update trial --budget 20', does: 'raise it; what was spent stays' },
    ...BUDGET_REPORT_EXAMPLES,
  ],
  codec: budget,
  defaults: {},
  defaultName: budgetName,
  columns: [
    { title: 'ID', text: ({ id }) => id },
    { title: 'NAME', text: ({ name }) => name },
    { title: 'OWNER', text: ({ owner }) => ownerText(owner) },
    { title: 'BUDGET', align: 'right', text: ({ amountNanos }) => formatUsd(amountNanos) },
    { title: 'PER', text: ({ period }) => periodText(period) },
    { title: 'ON', text: ({ match }) => matchText(match) },
    { title: 'SHADOW', text: ({ shadow }) => (shadow ? 'yes' : '') },
    { title: 'CARRIES OVER', text: ({ carryOver }) => carryOverText(carryOver) },
  ],
  details: [
    { title: 'THRESHOLDS', text: ({ thresholdPercents }) => thresholdsText(thresholdPercents) },
    { title: 'ON EXPIRY', text: ({ onExpiry }) => expiryText(onExpiry) },
    { title: 'ON UNAVAILABLE', text: ({ onUnavailable }) => fallbackText(onUnavailable) },
    { title: 'ON UNPRICED', text: ({ onUnpriced }) => fallbackText(onUnpriced) },
  ],
  addOptions: addBudgetOptions,
  addFilters: (command) => addOwnerOptions(command, 'only budgets of'),
  apply: applyBudget,
  checkNew: (draft, options) => {
    if (!draft.owner) throw new CliError(`Whose budget? Add ${OWNER_HINT}.`);
    if (!draft.period) throw new CliError('--per is missing: a period, such as month or lifetime.');
    if (draft.amountNanos === 0n && options.budget === undefined) {
      throw new CliError('--budget is missing: how many US dollars a period holds.');
    }
  },
  rpc: {
    create: async (service, item) => ({
      item: (await service.createBudget({ budget: item })).budget,
    }),
    get: async (service, id) => (await service.getBudget({ id })).budget,
    list: async (service, page, filter) => {
      const owner = ownerOf(filter);
      const { budgets, nextPageToken } = await service.listBudgets({ ...page, owner });
      return { items: budgets, nextPageToken };
    },
    update: async (service, item, updateMask) => {
      const { budget: updated, periodRestarted } = await service.updateBudget({
        budget: item,
        updateMask,
      });
      const note = 'The current period was closed and another opened: its bounds changed.';
      return { item: updated, extra: { periodRestarted }, ...(periodRestarted ? { note } : {}) };
    },
    delete: (service, id) => service.deleteBudget({ id }),
  },
};

export const budgetCommand = resourceCommand(BUDGET, addBudgetReports);

function addBudgetOptions(command: Command, purpose: 'create' | 'update'): Command {
  if (purpose === 'create') addOwnerOptions(command, 'whose budget');
  command
    .option('--name <text>', 'for people, at most 200 characters')
    .option('--budget <usd>', 'US dollars in a period, exact to 9 decimals', parseUsd);
  addPeriodOptions(
    command,
    'the period: day, week, month, quarter, year, 1h to 3660d, or lifetime',
  ).option('--anchor <time>', 'one of the periods of 1h to 3660d begins then', parseTimestamp);
  addMatchOptions(command, purpose)
    .option('--shadow', 'count and report, but never deny')
    .option('--no-shadow', 'deny what does not fit');
  return addBudgetRuleOptions(command, purpose);
}

function applyBudget(options: Options, draft: Budget): readonly string[] {
  const paths: string[] = [];
  const owner = ownerOf(options);
  if (owner) draft.owner = owner;
  const period = periodOf(options);
  if (period) {
    draft.period = period;
    paths.push(period.$case);
  }
  if (options.name !== undefined) paths.push('name');
  if (options.budget !== undefined) paths.push('amount_nanos');
  if (options.shadow !== undefined) paths.push('shadow');
  draft.name = options.name ?? draft.name;
  draft.amountNanos = options.budget ?? draft.amountNanos;
  draft.shadow = options.shadow ?? draft.shadow;
  return [...paths, ...applyMatch(options, draft), ...applyBudgetRules(options, draft)];
}
