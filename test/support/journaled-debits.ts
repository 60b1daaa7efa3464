import type { JournalEntry } from '../../src/budgets/core/journal-entry.js';
import type { PostDebit } from '../../src/budgets/core/ledger-item.js';
import type { Debit } from '../../src/budgets/core/ledger-model.js';
import { wallMs } from '../../src/common/time.js';
import { JournalConfig } from '../../src/config/journal-config.js';
import { WeirConfig } from '../../src/config/weir-config.js';

export const PERIOD = {
  budgetId: 'budget-1',
  generation: 3,
  period: { start: wallMs(0), end: wallMs(4_102_444_800_000) },
};

/** A debit of one nano-dollar times `n`, with a key of its own. */
export const debitNumber = (n: number, changes: Partial<Debit> = {}): Debit => ({
  id: `debit_${n}`,
  scope: 'key-1',
  idempotencyKey: `call-${n}`,
  bodyHash: 'ab'.repeat(32),
  virtualKeyId: 'key-1',
  teamId: 'team-1',
  customerId: '',
  provider: 'p',
  model: 'm',
  amountNanos: BigInt(n),
  tokens: { input: 1n, cachedInput: 0n, output: 2n, reasoning: 0n },
  priceId: '',
  priceRevision: 0,
  postedTo: [PERIOD],
  ...changes,
});

export const itemOf = (debit: Debit): PostDebit => ({
  kind: 'debit',
  debit,
  reservation: undefined,
  watched: [],
});

export const entryNumber = (n: number, changes: Partial<Debit> = {}): JournalEntry => ({
  item: itemOf(debitNumber(n, changes)),
  journaledAt: wallMs(1_000_000 + n),
});

export const journalConfig = (changes: Partial<JournalConfig> = {}): WeirConfig =>
  Object.assign(new WeirConfig(), { journal: Object.assign(new JournalConfig(), changes) });
