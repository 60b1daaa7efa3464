import { Injectable } from '@nestjs/common';
import { type WallMs, wallMs } from '../common/time.js';
import { Database } from '../storage/database.js';
import type { ReservationState } from './core/ledger-item.js';
import type { PeriodKey } from './core/ledger-model.js';
import { ledgerError } from './ledger-error.js';
import * as lists from './ledger-lists.js';
import {
  type EntryFilter,
  type EntryPlace,
  type EntryRecord,
  type LedgerPage,
  LedgerReader,
  type PeriodPlace,
  type PeriodRecord,
  type ReservationFilter,
  type ReservationPlace,
  type ReservationRecord,
} from './ledger-reader.js';

@Injectable()
export class PostgresLedgerReader extends LedgerReader {
  constructor(private readonly database: Database) {
    super();
  }

  async listEntries(
    filter: EntryFilter,
    page: LedgerPage<EntryPlace>,
  ): Promise<readonly EntryRecord[]> {
    const rows = await this.read<EntryRow>(lists.listEntries(filter, page));
    return rows.map(toEntry);
  }

  async listPeriods(
    budgetId: string,
    page: LedgerPage<PeriodPlace>,
  ): Promise<readonly PeriodRecord[]> {
    const rows = await this.read<PeriodRow>(lists.listPeriods(budgetId, page));
    return rows.map(toPeriod);
  }

  async listReservations(
    filter: ReservationFilter,
    page: LedgerPage<ReservationPlace>,
  ): Promise<readonly ReservationRecord[]> {
    const rows = await this.read<ReservationRow>(lists.listReservations(filter, page));
    return rows.map(toReservation);
  }

  async findReservation(id: string): Promise<ReservationRecord | undefined> {
    const [row] = await this.read<ReservationRow>(lists.findReservation(id));
    return row && toReservation(row);
  }

  private async read<Row>({ sql, parameters }: lists.Statement): Promise<readonly Row[]> {
    try {
      return await this.database.query<Row>(sql, parameters);
    } catch (error) {
      throw ledgerError(error);
    }
  }
}

interface PeriodJson {
  readonly budgetId: string;
  readonly generation: number;
  readonly startMs: number;
  readonly endMs: number;
}

interface CallRow {
  readonly id: string;
  readonly virtual_key_id: string;
  readonly provider: string;
  readonly model: string;
  readonly amount_nanos: string;
}

interface EntryRow extends CallRow {
  readonly kind: EntryRecord['kind'];
  readonly recorded_at_ms: string;
  readonly team_id: string;
  readonly customer_id: string;
  readonly price_id: string;
  readonly price_revision: number;
  readonly reservation_id: string;
  readonly idempotency_key: string;
  readonly postings: readonly (PeriodJson & { readonly nanos: string })[];
}

interface PeriodRow {
  readonly budget_id: string;
  readonly generation: number;
  readonly period_start_ms: string;
  readonly period_end_ms: string;
  readonly posted_nanos: string;
  readonly held_nanos: string;
  readonly carried_in_nanos: string;
}

interface ReservationRow extends CallRow {
  readonly scope: string;
  readonly reservation_key: string;
  readonly state: ReservationState;
  readonly charged_nanos: string;
  readonly created_at_ms: string;
  readonly expires_at_ms: string;
  readonly held_in: readonly PeriodJson[];
}

const toEntry = (row: EntryRow): EntryRecord => ({
  ...callOf(row),
  kind: row.kind,
  recordedAt: instantOf(row.recorded_at_ms),
  teamId: row.team_id,
  customerId: row.customer_id,
  priceId: row.price_id,
  priceRevision: row.price_revision,
  reservationId: row.reservation_id,
  idempotencyKey: row.idempotency_key,
  postings: row.postings.map((posting) => ({ key: keyOf(posting), nanos: BigInt(posting.nanos) })),
});

const toPeriod = (row: PeriodRow): PeriodRecord => ({
  key: {
    budgetId: row.budget_id,
    generation: row.generation,
    period: { start: instantOf(row.period_start_ms), end: instantOf(row.period_end_ms) },
  },
  postedNanos: BigInt(row.posted_nanos),
  heldNanos: BigInt(row.held_nanos),
  carriedInNanos: BigInt(row.carried_in_nanos),
});

const toReservation = (row: ReservationRow): ReservationRecord => ({
  ...callOf(row),
  scope: row.scope,
  reservationKey: row.reservation_key,
  state: row.state,
  chargedNanos: BigInt(row.charged_nanos),
  createdAt: instantOf(row.created_at_ms),
  expiresAt: instantOf(row.expires_at_ms),
  heldIn: row.held_in.map(keyOf),
});

const callOf = (row: CallRow) => ({
  id: row.id,
  virtualKeyId: row.virtual_key_id,
  provider: row.provider,
  model: row.model,
  amountNanos: BigInt(row.amount_nanos),
});

const keyOf = ({ budgetId, generation, startMs, endMs }: PeriodJson): PeriodKey => ({
  budgetId,
  generation,
  period: { start: wallMs(startMs), end: wallMs(endMs) },
});

const instantOf = (ms: string): WallMs => wallMs(Number(ms));
