import type { LedgerServiceService } from '../../../src/gen/weir/v1/ledger_service.js';
import type { GrpcClient } from '../../../src/rpc/grpc-client.js';
import { entriesByKey } from '../ledger-entries.js';

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

  async compare(
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
