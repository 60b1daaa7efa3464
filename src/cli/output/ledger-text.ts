import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';
import {
  type DeadLetter,
  type LedgerEntry,
  type Period,
  type PeriodName,
  type Reservation,
  ReservationState,
} from '../../gen/weir/v1/ledger_service.js';
import { formatTimestamp } from '../input/timestamp.js';
import { formatUsd } from '../input/usd.js';
import { intervalText } from './policy-text.js';
import type { Column } from './table.js';

export const ENTRY_COLUMNS: readonly Column<LedgerEntry>[] = [
  { title: 'RECORDED (UTC)', text: ({ recordedAt }) => timeText(recordedAt) },
  { title: 'ID', text: ({ id }) => id },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'KEY', text: ({ virtualKeyId }) => virtualKeyId },
  { title: 'MODEL', text: modelText },
  { title: 'AMOUNT', align: 'right', text: ({ amountNanos }) => formatUsd(amountNanos) },
  { title: 'BUDGETS', text: ({ postings }) => budgetsText(postings.map(({ period }) => period)) },
  { title: 'RESERVATION', text: ({ reservationId }) => reservationId },
];

export const PERIOD_COLUMNS: readonly Column<Period>[] = [
  { title: 'PERIOD (UTC)', text: ({ name }) => intervalText(name?.interval) },
  { title: 'GENERATION', align: 'right', text: ({ name }) => String(name?.generation ?? '') },
  { title: 'SPENT', align: 'right', text: ({ postedNanos }) => formatUsd(postedNanos) },
  { title: 'HELD', align: 'right', text: ({ heldNanos }) => formatUsd(heldNanos) },
  { title: 'CARRIED IN', align: 'right', text: ({ carriedInNanos }) => formatUsd(carriedInNanos) },
];

export const RESERVATION_COLUMNS: readonly Column<Reservation>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'STATE', text: ({ state }) => stateName(state) },
  { title: 'KEY', text: ({ virtualKeyId }) => virtualKeyId },
  { title: 'MODEL', text: modelText },
  { title: 'HELD', align: 'right', text: ({ amountNanos }) => formatUsd(amountNanos) },
  { title: 'CHARGED', align: 'right', text: ({ chargedNanos }) => chargedText(chargedNanos) },
  { title: 'BUDGETS', text: ({ heldIn }) => budgetsText(heldIn) },
  { title: 'CREATED (UTC)', text: ({ createdAt }) => timeText(createdAt) },
  { title: 'EXPIRES (UTC)', text: ({ expiresAt }) => timeText(expiresAt) },
];

export const DEAD_LETTER_COLUMNS: readonly Column<DeadLetter>[] = [
  { title: 'FOUND (UTC)', text: ({ foundAt }) => timeText(foundAt) },
  { title: 'JOURNALED (UTC)', text: ({ journaledAt }) => timeText(journaledAt) },
  { title: 'ID', text: ({ id }) => id },
  { title: 'KEY', text: ({ virtualKeyId }) => virtualKeyId },
  { title: 'IDEMPOTENCY KEY', text: ({ idempotencyKey }) => idempotencyKey },
  { title: 'MODEL', text: modelText },
  { title: 'AMOUNT', align: 'right', text: ({ amountNanos }) => formatUsd(amountNanos) },
  { title: 'REASON', text: ({ reason }) => reason },
];

/** `held` */
export const stateName = (state: ReservationState): string =>
  (ReservationState[state] ?? String(state)).replace('RESERVATION_STATE_', '').toLowerCase();

const timeText = (at: Timestamp | undefined): string => (at ? formatTimestamp(at) : '');

function modelText({ provider, model }: { provider: string; model: string }): string {
  return [provider, model].filter((part) => part !== '').join('/');
}

const budgetsText = (periods: readonly (PeriodName | undefined)[]): string =>
  periods.map((period) => period?.budgetId ?? '').join(', ');

const chargedText = (nanos: bigint): string => (nanos === 0n ? '' : formatUsd(nanos));
