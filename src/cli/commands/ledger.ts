import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';
import type { LedgerEntry } from '../../gen/weir/v1/ledger_service.js';
import type { CliCommand } from '../command.js';
import type { CommonOptions } from '../context.js';
import { addOwnerOptions, ownerOf, type OwnerOptions } from '../input/owner.js';
import { parseTimestamp } from '../input/timestamp.js';
import { ledgerEntry } from '../json/ledger-messages.js';
import { ENTRY_COLUMNS } from '../output/ledger-text.js';
import { addLimitOption, type Listing, showListing } from './listing.js';

interface Options extends CommonOptions, OwnerOptions {
  readonly budget?: string;
  readonly from?: Timestamp;
  readonly to?: Timestamp;
  readonly limit: number;
}

const ENTRIES: Listing<LedgerEntry, Options> = {
  field: 'entries',
  whenEmpty: 'The ledger has no such entries.',
  codec: ledgerEntry,
  columns: ENTRY_COLUMNS,
  fetch: async (ledger, page, options) => {
    const { budget: budgetId = '', from: start, to: end } = options;
    const interval = start || end ? { start, end } : undefined;
    const owner = ownerOf(options);
    const { entries, nextPageToken } = await ledger.listLedger({
      ...page,
      owner,
      budgetId,
      interval,
    });
    return { items: entries, nextPageToken };
  },
};

export const ledgerCommand: CliCommand = {
  name: 'ledger',
  summary: 'the ledger: every debit that was recorded',
  examples: [
    { run: 'weir ledger list --key ada --limit 20', does: 'the last 20 debits of a key' },
    {
      run: 'weir ledger list --budget trial --from 2026-07-01 --to 2026-08-01',
      does: 'what was posted to a budget in July',
    },
  ],
  register: (program, context) => {
    const list = program
      .command('ledger')
      .command('list')
      .description('list entries of the ledger, newest first');
    addLimitOption(addOwnerOptions(context.addCommonOptions(list), 'only entries of'))
      .option('--budget <id>', 'only entries posted to this budget')
      .option('--from <time>', 'only entries recorded then or later', parseTimestamp)
      .option('--to <time>', 'only entries recorded before', parseTimestamp)
      .action((options: Options) => showListing(context, ENTRIES, options));
  },
};
