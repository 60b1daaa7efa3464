import { type Command, Option } from 'commander';
import { type Reservation, ReservationState } from '../../gen/weir/v1/ledger_service.js';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { reservation } from '../json/ledger-messages.js';
import { RESERVATION_COLUMNS } from '../output/ledger-text.js';
import { printable } from '../output/printable.js';
import { addLimitOption, type Listing, showListing } from './listing.js';

const STATES = {
  held: ReservationState.RESERVATION_STATE_HELD,
  committed: ReservationState.RESERVATION_STATE_COMMITTED,
  released: ReservationState.RESERVATION_STATE_RELEASED,
  expired: ReservationState.RESERVATION_STATE_EXPIRED,
} as const;

interface ListOptions extends CommonOptions {
  readonly key?: string;
  readonly state?: keyof typeof STATES;
  readonly limit: number;
}

const RESERVATIONS: Listing<Reservation, ListOptions> = {
  field: 'reservations',
  whenEmpty: 'There are no such reservations.',
  codec: reservation,
  columns: RESERVATION_COLUMNS,
  fetch: async (ledger, page, { key: virtualKeyId = '', state: name }) => {
    const state =
      name === undefined ? ReservationState.RESERVATION_STATE_UNSPECIFIED : STATES[name];
    const { reservations, nextPageToken } = await ledger.listReservations({
      ...page,
      virtualKeyId,
      state,
    });
    return { items: reservations, nextPageToken };
  },
};

export const reservationCommand: CliCommand = {
  name: 'reservation',
  summary: 'reservations: what is set aside for calls in flight',
  examples: [
    { run: 'weir reservation list --state held', does: 'what is set aside now' },
    {
      run: 'weir reservation release res_01KADNQ5YH0000000000000000',
      does: 'end one whose caller will not, one of limits alone too; nothing is charged',
    },
  ],
  register: (program, context) => {
    const group = program.command('reservation');
    addList(group, context);
    addRelease(group, context);
  },
};

function addList(group: Command, context: CliContext): void {
  const command = group
    .command('list')
    .description('list reservations that hold money, newest first');
  addLimitOption(context.addCommonOptions(command))
    .option('--key <id>', 'only those of this virtual key (its id, not its secret)')
    .addOption(new Option('--state <state>', 'only those').choices(Object.keys(STATES)))
    .action((options: ListOptions) => showListing(context, RESERVATIONS, options));
}

function addRelease(group: Command, context: CliContext): void {
  const command = group
    .command('release')
    .description('end a reservation whose caller will not; nothing is charged')
    .argument('<id>');
  context.addCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    const { reservation: ended } = await context.withService(options, ({ ledger }) =>
      ledger.forceRelease({ reservationId: id }),
    );
    if (!ended) throw new CliError('The service answered without a reservation.', EXIT.FAILED);
    context.answer(options, {
      json: () => reservation.write(ended),
      text: () => `Released reservation ${printable(id)}.\n`,
    });
  });
}
