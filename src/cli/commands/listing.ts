import type { Command } from 'commander';
import type { Connection } from '../connection.js';
import type { CliContext, CommonOptions } from '../context.js';
import { integerBetween } from '../input/numbers.js';
import type { Codec } from '../json/codec.js';
import { listUpTo, type Page, type PageRequest } from '../paging.js';
import type { Column } from '../output/table.js';

type Ledger = Connection['ledger'];

/** A list of what the ledger holds, newest first. `O`: the options it adds. */
export interface Listing<T, O> {
  /** In JSON: `deadLetters` */
  readonly field: string;
  readonly whenEmpty: string;
  readonly codec: Codec<T>;
  readonly columns: readonly Column<T>[];
  fetch(ledger: Ledger, page: PageRequest, options: O): Promise<Page<T>>;
}

const LIMIT_DEFAULT = 100;

/** `--limit`, for a command that shows a list. */
export const addLimitOption = (command: Command): Command =>
  command.option(
    '--limit <n>',
    'show at most so many of the newest',
    integerBetween(1, 100_000),
    LIMIT_DEFAULT,
  );

export async function showListing<T, O extends CommonOptions & { readonly limit: number }>(
  context: CliContext,
  listing: Listing<T, O>,
  options: O,
): Promise<void> {
  const { items, nextPageToken } = await context.withService(options, ({ ledger }) =>
    listUpTo(options.limit, (page) => listing.fetch(ledger, page, options)),
  );
  const isMore = nextPageToken !== '';
  context.answer(options, {
    json: () => ({
      [listing.field]: items.map((item) => listing.codec.write(item) ?? null),
      more: isMore,
    }),
    text: () => {
      if (items.length === 0) return `${listing.whenEmpty}\n`;
      const hint = isMore ? '\nThere are older ones: raise --limit.\n' : '';
      return context.table(listing.columns, items) + hint;
    },
  });
}
