import { Injectable } from '@nestjs/common';
import { type WallMs, wallMs } from '../common/time.js';
import { Database } from '../storage/database.js';
import type { ReservationState } from './core/ledger-item.js';
import {
  type BudgetGrant,
  type EntryRecord,
  LedgerBooks,
  type Page,
  type PeriodRecord,
  type ReservationRecord,
} from './ledger-books.js';

/** Ids sort by the time they were made, so that they page newest first. */
@Injectable()
export class PostgresLedgerBooks extends LedgerBooks {
  constructor(private readonly database: Database) {
    super();
  }

  async addGrant(grant: BudgetGrant): Promise<void> {
    const { id, budgetId, amountNanos, start, end, reason, actor } = grant;
    await this.database.query(ADD_GRANT, [id, budgetId, amountNanos, start, end, reason, actor]);
  }

  async listGrants(budgetId: string): Promise<readonly BudgetGrant[]> {
    const rows = await this.database.query<GrantRow>(LIST_GRANTS, [budgetId]);
    return rows.map((row) => ({
      ...row,
      amountNanos: BigInt(row.amountNanos),
      start: wallMs(Number(row.start)),
      end: wallMs(Number(row.end)),
    }));
  }

  async listReservations(
    { scope, state }: { readonly scope?: string; readonly state?: ReservationState },
    { most, after }: Page,
  ): Promise<readonly ReservationRecord[]> {
    const parameters = [scope ?? null, state ?? null, after ?? null, most];
    const rows = await this.database.query<ReservationRow>(LIST_RESERVATIONS, parameters);
    return rows.map((row) => ({
      ...row,
      amountNanos: BigInt(row.amountNanos),
      chargedNanos: BigInt(row.chargedNanos),
      createdAt: wallMs(Number(row.createdAt)),
      expiresAt: wallMs(Number(row.expiresAt)),
    }));
  }

  async listEntries(
    virtualKeyId: string | undefined,
    { most, after }: Page,
  ): Promise<readonly EntryRecord[]> {
    const parameters = [virtualKeyId ?? null, after ?? null, most];
    const rows = await this.database.query<EntryRow>(LIST_ENTRIES, parameters);
    return rows.map((row) => ({
      ...row,
      amountNanos: BigInt(row.amountNanos),
      recordedAt: wallMs(Number(row.recordedAt)),
    }));
  }

  async listPeriods(budgetId: string, most: number): Promise<readonly PeriodRecord[]> {
    const rows = await this.database.query<PeriodRow>(LIST_PERIODS, [budgetId, most]);
    return rows.map(({ generation, start, end, posted, held, entries }) => ({
      key: {
        budgetId,
        generation,
        period: { start: wallMs(Number(start)), end: wallMs(Number(end)) },
      },
      postedNanos: BigInt(posted),
      heldNanos: BigInt(held),
      entries: BigInt(entries),
    }));
  }

  async dropEntriesBefore(before: WallMs): Promise<readonly string[]> {
    const old = await this.database.query<{ name: string }>(
      'SELECT name FROM weir_old_ledger_partitions(to_timestamp($1::double precision / 1000)) AS name',
      [before],
    );
    for (const { name } of old) {
      await this.database.query('SELECT weir_sum_ledger_partition($1)', [name]);
      await this.database.query('SELECT weir_drop_ledger_partition($1)', [name]);
    }
    return old.map(({ name }) => name);
  }
}

type GrantRow = Record<'id' | 'budgetId' | 'reason' | 'actor', string> &
  Record<'amountNanos' | 'start' | 'end', string>;

interface ReservationRow {
  readonly id: string;
  readonly scope: string;
  readonly reservationKey: string;
  readonly state: ReservationState;
  readonly amountNanos: string;
  readonly chargedNanos: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly budgetIds: readonly string[];
}

interface EntryRow {
  readonly id: string;
  readonly kind: EntryRecord['kind'];
  readonly recordedAt: string;
  readonly virtualKeyId: string;
  readonly provider: string;
  readonly model: string;
  readonly amountNanos: string;
  readonly reservationId: string;
  readonly budgetIds: readonly string[];
}

type PeriodRow = { readonly generation: number } & Readonly<
  Record<'start' | 'end' | 'posted' | 'held' | 'entries', string>
>;

const epochMs = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;

const ADD_GRANT = `
  INSERT INTO budget_grants (id, budget_id, amount_nanos, starts_at, ends_at, reason, actor)
    VALUES ($1, $2, $3, to_timestamp($4::double precision / 1000),
      to_timestamp($5::double precision / 1000), $6, $7)`;

const LIST_GRANTS = `
  SELECT id, budget_id AS "budgetId", amount_nanos AS "amountNanos", ${epochMs('starts_at')} AS start,
      ${epochMs('ends_at')} AS end, reason, actor
    FROM budget_grants WHERE budget_id = $1 ORDER BY ends_at DESC, id DESC`;

const LIST_RESERVATIONS = `
  SELECT id, scope, reservation_key AS "reservationKey", state, amount_nanos AS "amountNanos",
      charged_nanos AS "chargedNanos", ${epochMs('created_at')} AS "createdAt",
      ${epochMs('expires_at')} AS "expiresAt", budget_ids AS "budgetIds"
    FROM reservations
    WHERE ($1::text IS NULL OR scope = $1) AND ($2::text IS NULL OR state = $2)
      AND ($3::text IS NULL OR id < $3)
    ORDER BY id DESC LIMIT $4`;

const LIST_ENTRIES = `
  SELECT id, kind, ${epochMs('recorded_at')} AS "recordedAt", virtual_key_id AS "virtualKeyId", provider,
      model, amount_nanos AS "amountNanos", reservation_id AS "reservationId", budget_ids AS "budgetIds"
    FROM ledger_entries
    WHERE ($1::text IS NULL OR virtual_key_id = $1)
      AND ($2::text IS NULL OR (recorded_at, id) < (SELECT recorded_at, id FROM ledger_entries WHERE id = $2))
    ORDER BY recorded_at DESC, id DESC LIMIT $3`;

const LIST_PERIODS = `
  SELECT generation, period_start_ms AS start, period_end_ms AS end, posted_nanos AS posted,
      held_nanos AS held, entries
    FROM budget_periods WHERE budget_id = $1
    ORDER BY period_start_ms DESC, generation DESC LIMIT $2`;
