import type { LedgerEntry, LedgerServiceService } from '../../src/gen/weir/v1/ledger_service.js';
import type { GrpcClient } from '../../src/rpc/grpc-client.js';
import { ofKey } from './declare.js';

/** All entries of the ledger, or of one virtual key, page by page. */
export async function* ledgerEntries(
  ledger: GrpcClient<typeof LedgerServiceService>,
  keyId?: string,
): AsyncGenerator<LedgerEntry> {
  const owner = keyId === undefined ? undefined : ofKey(keyId);
  let pageToken = '';
  do {
    const page = await ledger.listLedger({
      pageSize: 1_000,
      pageToken,
      owner,
      budgetId: '',
      interval: undefined,
    });
    yield* page.entries;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

/** Those of these keys, by idempotency key; one that is there twice was doubled. */
export async function entriesByKey(
  ledger: GrpcClient<typeof LedgerServiceService>,
  keyIds: readonly string[],
): Promise<Map<string, LedgerEntry[]>> {
  const found = new Map<string, LedgerEntry[]>();
  for (const keyId of keyIds)
    for await (const entry of ledgerEntries(ledger, keyId)) {
      const known = found.get(entry.idempotencyKey);
      if (known === undefined) found.set(entry.idempotencyKey, [entry]);
      else known.push(entry);
    }
  return found;
}
