import type { LedgerEntry, LedgerServiceService } from '../../../src/gen/weir/v1/ledger_service.js';
import type { GrpcClient } from '../../../src/rpc/grpc-client.js';
import { ofKey } from '../declare.js';

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
    const posted = new Map<string, LedgerEntry[]>();
    for (const keyId of keyIds)
      for await (const entry of entriesOf(ledger, keyId)) {
        const known = posted.get(entry.idempotencyKey);
        if (known === undefined) posted.set(entry.idempotencyKey, [entry]);
        else known.push(entry);
      }
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

async function* entriesOf(
  ledger: GrpcClient<typeof LedgerServiceService>,
  keyId: string,
): AsyncGenerator<LedgerEntry> {
  let pageToken = '';
  do {
    const page = await ledger.listLedger({
      pageSize: 1_000,
      pageToken,
      owner: ofKey(keyId),
      budgetId: '',
      interval: undefined,
    });
    yield* page.entries;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
