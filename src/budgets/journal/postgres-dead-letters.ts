import { Injectable } from '@nestjs/common';
import { wallMs } from '../../common/time.js';
import { Database } from '../../storage/database.js';
import { itemJson } from '../core/journal-json.js';
import {
  type DeadLetter,
  type DeadLetterCursor,
  type DeadLetterPage,
  DeadLetters,
  type Refusal,
} from './dead-letters.js';

@Injectable()
export class PostgresDeadLetters extends DeadLetters {
  constructor(private readonly database: Database) {
    super();
  }

  async add(refusals: readonly Refusal[]): Promise<void> {
    if (refusals.length === 0) return;
    const debits = refusals.map(({ entry }) => entry.item.debit);
    await this.database.query(ADD, [
      debits.map(({ id }) => storable(id)),
      refusals.map(({ entry }) => entry.journaledAt),
      debits.map(({ scope }) => storable(scope)),
      debits.map(({ virtualKeyId }) => storable(virtualKeyId)),
      debits.map(({ idempotencyKey }) => storable(idempotencyKey)),
      debits.map(({ amountNanos }) => amountNanos),
      debits.map(({ provider }) => storable(provider)),
      debits.map(({ model }) => storable(model)),
      refusals.map(({ reason }) => storable(reason)),
      refusals.map(({ entry }) => itemJson(entry.item)),
    ]);
  }

  async list(most: number, after: DeadLetterCursor | undefined): Promise<DeadLetterPage> {
    const parameters = [after?.foundAt ?? null, after?.id ?? null, most + 1];
    const rows = await this.database.query<Row>(LIST, parameters);
    const letters = rows.slice(0, most).map(letterOf);
    const last = letters.at(-1);
    const hasMore = rows.length > most && last !== undefined;
    return { letters, next: hasMore ? { foundAt: last.foundAt, id: last.id } : undefined };
  }

  async count(): Promise<number> {
    const [row] = await this.database.query<{ count: string }>('SELECT count(*) FROM dead_letters');
    return Number(row?.count ?? 0);
  }
}

interface Row {
  readonly id: string;
  readonly journaled_ms: string;
  readonly found_ms: string;
  readonly scope: string;
  readonly virtual_key_id: string;
  readonly idempotency_key: string;
  readonly amount_nanos: string;
  readonly provider: string;
  readonly model: string;
  readonly reason: string;
  readonly debit: string;
}

const letterOf = (row: Row): DeadLetter => ({
  id: row.id,
  journaledAt: wallMs(Number(row.journaled_ms)),
  foundAt: wallMs(Number(row.found_ms)),
  scope: row.scope,
  virtualKeyId: row.virtual_key_id,
  idempotencyKey: row.idempotency_key,
  amountNanos: BigInt(row.amount_nanos),
  provider: row.provider,
  model: row.model,
  reason: row.reason,
  debitJson: row.debit,
});

/** PostgreSQL has no text with a zero character, which may be the very reason why a debit comes here. */
const storable = (text: string): string => text.replaceAll('\0', '\uFFFD');

const ADD = `
  INSERT INTO dead_letters (id, journaled_at, found_at, scope, virtual_key_id, idempotency_key,
      amount_nanos, provider, model, reason, debit)
    SELECT l.id, to_timestamp(l.journaled_ms / 1000.0), date_trunc('milliseconds', now()), l.scope,
        l.virtual_key, l.key, l.amount, l.provider, l.model, l.reason, l.debit::json
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[],
          $7::text[], $8::text[], $9::text[], $10::text[])
        AS l(id, journaled_ms, scope, virtual_key, key, amount, provider, model, reason, debit)
    ON CONFLICT (id) DO NOTHING`;

const LIST = `
  SELECT id, (extract(epoch FROM journaled_at) * 1000)::bigint AS journaled_ms,
      (extract(epoch FROM found_at) * 1000)::bigint AS found_ms, scope, virtual_key_id, idempotency_key,
      amount_nanos, provider, model, reason, debit::text
    FROM dead_letters
    WHERE $1::bigint IS NULL
      OR (found_at, id) < (to_timestamp($1::bigint / 1000.0), $2::text COLLATE "C")
    ORDER BY found_at DESC, id DESC LIMIT $3`;
