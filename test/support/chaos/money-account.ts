import { setTimeout as delay } from 'node:timers/promises';
import type { LedgerServiceService } from '../../../src/gen/weir/v1/ledger_service.js';
import type { GrpcClient } from '../../../src/rpc/grpc-client.js';
import { entriesByKey } from '../ledger-entries.js';

const LOOK_AGAIN_MS = 500;

export interface MoneyVerdict {
  readonly attempted: number;
  readonly acknowledged: number;
  readonly posted: number;
  /** Acknowledged, and not in the ledger. */
  readonly lost: readonly string[];
  /** In the ledger more than once. */
  readonly doubled: readonly string[];
  /** In the ledger with another amount than was sent, or never sent at all. */
  readonly wrong: readonly string[];
}

/** What callers know of their debits, to be held against the ledger. */
export class MoneyAccount {
  readonly attempted = new Map<string, bigint>();
  readonly acknowledged = new Set<string>();

  /** Waits for what is missing: what was acknowledged while the ledger was slow may be in a journal still. */
  async settled(
    ledger: GrpcClient<typeof LedgerServiceService>,
    keyIds: readonly string[],
    deadlineMs = 60_000,
  ): Promise<MoneyVerdict> {
    const until = performance.now() + deadlineMs;
    for (;;) {
      const verdict = await this.compare(ledger, keyIds);
      if (verdict.lost.length === 0 || performance.now() > until) return verdict;
      await delay(LOOK_AGAIN_MS);
    }
  }

  private async compare(
    ledger: GrpcClient<typeof LedgerServiceService>,
    keyIds: readonly string[],
  ): Promise<MoneyVerdict> {
    const posted = await entriesByKey(ledger, keyIds);
    const entries = [...posted];
    return {
      attempted: this.attempted.size,
      acknowledged: this.acknowledged.size,
      posted: posted.size,
      lost: [...this.acknowledged].filter((key) => !posted.has(key)),
      doubled: entries.filter(([, { length }]) => length > 1).map(([key]) => key),
      wrong: entries
        .filter(([key, [first]]) => first?.amountNanos !== this.attempted.get(key))
        .map(([key]) => key),
    };
  }
}
