/** What a test asks of the ledger itself, with the rest at its default. */
import type { Hold, PeriodLimit, PostDebit } from '../../src/budgets/core/ledger-item.js';
import type { Debit, PeriodKey } from '../../src/budgets/core/ledger-model.js';
import { wallMs } from '../../src/common/time.js';

export const JANUARY = { start: wallMs(1_767_225_600_000), end: wallMs(1_769_904_000_000) };
export const FEBRUARY = { start: wallMs(1_769_904_000_000), end: wallMs(1_772_323_200_000) };

export const periodOf = (
  budgetId: string,
  period: PeriodKey['period'] = JANUARY,
  generation = 1,
): PeriodKey => ({ budgetId, generation, period });

/** A hold of the key, in budgets that hold a dollar each. */
export function holdOf(id: string, keyId: string, over: Partial<Hold> = {}): Hold {
  return {
    kind: 'hold',
    id,
    scope: keyId,
    reservationKey: `${id}-key`,
    bodyHash: 'ab'.repeat(32),
    amountNanos: 400n,
    floorNanos: 0n,
    onExpiry: 'release',
    ttlMs: 3_600_000,
    budgets: [limitOf(periodOf(`${keyId}-budget`))],
    takes: '',
    virtualKeyId: keyId,
    teamId: `${keyId}-team`,
    customerId: `${keyId}-customer`,
    provider: 'openai',
    model: 'gpt-4o',
    ...over,
  };
}

export const limitOf = (key: PeriodKey): PeriodLimit => ({
  key,
  limitNanos: 1_000_000_000n,
  isEnforced: true,
  thresholdPercents: [],
});

/** A debit of the key, which settles the hold if one is given. */
export function debitOf(
  id: string,
  keyId: string,
  over: Partial<Debit> = {},
  hold?: Hold,
): PostDebit {
  const debit: Debit = {
    id,
    scope: keyId,
    idempotencyKey: `${id}-key`,
    bodyHash: 'cd'.repeat(32),
    virtualKeyId: keyId,
    teamId: `${keyId}-team`,
    customerId: `${keyId}-customer`,
    provider: 'openai',
    model: 'gpt-4o',
    amountNanos: 100n,
    tokens: { input: 1n, cachedInput: 0n, output: 0n, reasoning: 0n },
    priceId: 'price_1',
    priceRevision: 3,
    postedTo: [periodOf(`${keyId}-budget`)],
    ...over,
  };
  const reservation = hold && ({ kind: 'id', id: hold.id } as const);
  return { kind: 'debit', debit, reservation, watched: [] };
}
