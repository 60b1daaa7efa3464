import type { Command } from 'commander';
import type { Period } from '../../gen/weir/v1/ledger_service.js';
import type { Example } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { EXIT } from '../exit-code.js';
import { period } from '../json/ledger-messages.js';
import { PERIOD_COLUMNS } from '../output/ledger-text.js';
import { printable } from '../output/printable.js';
import { addLimitOption, type Listing, showListing } from './listing.js';

export const BUDGET_REPORT_EXAMPLES: readonly Example[] = [
  { run: 'weir budget periods trial', does: 'what each of its periods has seen' },
  { run: 'weir budget audit', does: 'prove every balance; exit code 4 if one is wrong' },
];

type PeriodOptions = CommonOptions & { readonly limit: number };

/** What only the ledger knows of budgets. */
export function addBudgetReports(group: Command, context: CliContext): void {
  const periods = group
    .command('periods')
    .description('list what each period of a budget has seen, newest first')
    .argument('<id>');
  addLimitOption(context.addCommonOptions(periods)).action((id: string, options: PeriodOptions) =>
    showListing(context, periodsOf(id), options),
  );
  const audit = group
    .command('audit')
    .description(
      'prove every balance by the ledger and by the open reservations; reads everything',
    );
  context.addCommonOptions(audit).action((options: CommonOptions) => showAudit(context, options));
}

const periodsOf = (budgetId: string): Listing<Period, PeriodOptions> => ({
  field: 'periods',
  whenEmpty: `Nothing was spent of budget ${printable(budgetId)}.`,
  codec: period,
  columns: PERIOD_COLUMNS,
  fetch: async (ledger, page) => {
    const { periods, nextPageToken } = await ledger.listPeriods({ ...page, budgetId });
    return { items: periods, nextPageToken };
  },
});

async function showAudit(context: CliContext, options: CommonOptions): Promise<void> {
  const { faults } = await context.withService(options, ({ ledger }) => ledger.auditBudgets({}));
  if (faults.length > 0) context.exitCode = EXIT.FAILED;
  context.answer(options, {
    json: () => ({ faults }),
    text: () =>
      faults.length === 0
        ? 'Every balance is the sum of its entries and of its open reservations.\n'
        : faults.map((fault) => `${printable(fault)}\n`).join(''),
  });
}
