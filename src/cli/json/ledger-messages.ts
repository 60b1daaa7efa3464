import {
  type DeadLetter,
  type LedgerEntry,
  type Period,
  type PeriodName,
  type Posting,
  type Reservation,
  ReservationState,
} from '../../gen/weir/v1/ledger_service.js';
import { enumeration, int32, int64, listOf, optional, text } from './codec.js';
import { message } from './message.js';
import { interval } from './policy-messages.js';
import { timestamp } from './well-known.js';

const periodName = message<PeriodName>({
  budgetId: text,
  generation: int32,
  interval: optional(interval),
});

const posting = message<Posting>({ period: optional(periodName), amountNanos: int64 });

export const ledgerEntry = message<LedgerEntry>({
  id: text,
  recordedAt: optional(timestamp),
  kind: text,
  virtualKeyId: text,
  teamId: text,
  customerId: text,
  provider: text,
  model: text,
  amountNanos: int64,
  priceId: text,
  priceRevision: int32,
  reservationId: text,
  idempotencyKey: text,
  postings: listOf(posting),
});

export const period = message<Period>({
  name: optional(periodName),
  postedNanos: int64,
  heldNanos: int64,
  carriedInNanos: int64,
});

export const reservation = message<Reservation>({
  id: text,
  virtualKeyId: text,
  reservationKey: text,
  state: enumeration<ReservationState>(ReservationState),
  amountNanos: int64,
  chargedNanos: int64,
  provider: text,
  model: text,
  createdAt: optional(timestamp),
  expiresAt: optional(timestamp),
  heldIn: listOf(periodName),
});

export const deadLetter = message<DeadLetter>({
  id: text,
  journaledAt: optional(timestamp),
  foundAt: optional(timestamp),
  virtualKeyId: text,
  idempotencyKey: text,
  amountNanos: int64,
  provider: text,
  model: text,
  reason: text,
});
