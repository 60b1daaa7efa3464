import type { DeadLetter } from '../../gen/weir/v1/ledger_service.js';
import type { CliCommand } from '../command.js';
import type { CommonOptions } from '../context.js';
import { deadLetter } from '../json/ledger-messages.js';
import { DEAD_LETTER_COLUMNS } from '../output/ledger-text.js';
import { addLimitOption, type Listing, showListing } from './listing.js';

type Options = CommonOptions & { readonly limit: number };

const DEAD_LETTERS: Listing<DeadLetter, Options> = {
  field: 'deadLetters',
  whenEmpty: 'There are no dead letters: the ledger took every debit that was journaled.',
  codec: deadLetter,
  columns: DEAD_LETTER_COLUMNS,
  fetch: async (ledger, page) => {
    const { deadLetters, nextPageToken } = await ledger.listDeadLetters(page);
    return { items: deadLetters, nextPageToken };
  },
};

export const journalCommand: CliCommand = {
  name: 'journal',
  summary: 'the journal of debits that came while the database was away',
  examples: [
    {
      run: 'weir journal dead-letters',
      does: 'debits that the ledger refused afterwards, and why',
    },
  ],
  register: (program, context) => {
    const command = program
      .command('journal')
      .command('dead-letters')
      .description('list journaled debits that the ledger could not take, newest first');
    addLimitOption(context.addCommonOptions(command)).action((options: Options) =>
      showListing(context, DEAD_LETTERS, options),
    );
  },
};
