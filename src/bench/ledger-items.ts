import type { Hold, PeriodLimit, PostDebit } from '../budgets/core/ledger-item.js';
import { wallMs } from '../common/time.js';

const PERIOD = { start: wallMs(0), end: wallMs(253_402_300_799_999) };
const BODY_HASH = 'ab'.repeat(32);

/** Makes items as the service would, each with keys of its own. */
export class LedgerItems {
  private made = 0;

  constructor(
    /** No two clients have the same. */
    private readonly name: string,
    private readonly budgets: number,
  ) {}

  hold(): Hold {
    const n = this.made++;
    const key = this.key(n);
    return {
      kind: 'hold',
      id: `res_${key}`,
      scope: `key_${n % 100}`,
      reservationKey: key,
      bodyHash: BODY_HASH,
      ...callOf(n),
      amountNanos: 1_000n,
      floorNanos: 100n,
      onExpiry: 'release',
      ttlMs: 60_000,
      budgets: [this.budget(n)],
      takes: '',
    };
  }

  /** Settles the hold, or stands alone. */
  debit(hold?: Hold): PostDebit {
    const n = this.made++;
    const key = this.key(n);
    const budgets = hold?.budgets ?? [this.budget(n)];
    const debit = {
      id: `debit_${key}`,
      scope: hold?.scope ?? `key_${n % 100}`,
      idempotencyKey: key,
      bodyHash: BODY_HASH,
      ...callOf(n),
      amountNanos: 900n,
      tokens: { input: 1_000n, cachedInput: 0n, output: 200n, reasoning: 0n },
      priceId: 'price_01JBENCHBENCHBENCHBENCHBE',
      priceRevision: 1,
      postedTo: budgets.map((budget) => budget.key),
    };
    const reservation = hold && ({ kind: 'key', key: hold.reservationKey } as const);
    return { kind: 'debit', debit, reservation, watched: budgets };
  }

  private readonly key = (n: number): string => `${this.name}${String(n).padStart(20, '0')}`;

  private budget(n: number): PeriodLimit {
    return {
      key: { budgetId: `bud_${(n * 7919) % this.budgets}`, generation: 1, period: PERIOD },
      limitNanos: 2n ** 60n,
      isEnforced: true,
      thresholdPercents: [50, 80, 100],
    };
  }
}

const callOf = (n: number) => ({
  virtualKeyId: `key_${n % 1_000}`,
  teamId: `team_${n % 100}`,
  customerId: `cus_${n % 10}`,
  provider: 'openai',
  model: 'gpt-5-mini',
});
