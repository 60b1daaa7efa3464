import type { CliCommand } from './command.js';
import { budgetCommand } from './commands/budget.js';
import { checkCommand } from './commands/check.js';
import { clusterCommand } from './commands/cluster.js';
import { configCommand } from './commands/config.js';
import { discoverCommand } from './commands/discover.js';
import { customerCommand } from './commands/customer.js';
import { debitCommand } from './commands/debit.js';
import { grantCommand } from './commands/grant.js';
import { journalCommand } from './commands/journal.js';
import { keyCommand } from './commands/key.js';
import { ledgerCommand } from './commands/ledger.js';
import { keyringCommand } from './commands/keyring.js';
import { limitCommand } from './commands/limit.js';
import { membersCommand } from './commands/members.js';
import { priceCommand } from './commands/price.js';
import { quickstartCommand } from './commands/quickstart.js';
import { replayCommand } from './commands/replay.js';
import { reservationCommand } from './commands/reservation.js';
import { serveCommand } from './commands/serve.js';
import { teamCommand } from './commands/team.js';
import { topCommand } from './commands/top.js';
import { usageCommand } from './commands/usage.js';

/** Every command of `weir`, in the order of its help. A module adds its own here. */
export const COMMANDS: readonly CliCommand[] = [
  quickstartCommand,
  serveCommand,
  configCommand,
  discoverCommand,
  checkCommand,
  debitCommand,
  usageCommand,
  customerCommand,
  teamCommand,
  keyCommand,
  limitCommand,
  budgetCommand,
  grantCommand,
  priceCommand,
  ledgerCommand,
  reservationCommand,
  journalCommand,
  clusterCommand,
  membersCommand,
  keyringCommand,
  topCommand,
  replayCommand,
];
