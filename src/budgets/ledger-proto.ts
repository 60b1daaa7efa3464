/** From the ledger's records to the messages of `weir.v1.LedgerService`; no decision is made here. */
import * as proto from '../gen/weir/v1/ledger_service.js';
import { fromInterval } from '../rpc/proto-interval.js';
import { toTimestamp } from '../rpc/proto-time.js';
import type { ReservationState } from './core/ledger-item.js';
import type { PeriodKey } from './core/ledger-model.js';
import type { DeadLetter } from './journal/dead-letters.js';
import type { EndedReservation, EntryRecord, PeriodRecord } from './ledger-reader.js';

export const fromEntry = ({ recordedAt, postings, ...entry }: EntryRecord): proto.LedgerEntry => ({
  ...entry,
  recordedAt: toTimestamp(recordedAt),
  postings: postings.map(({ key, nanos }) => ({ period: fromKey(key), amountNanos: nanos })),
});

export const fromPeriod = ({ key, ...sums }: PeriodRecord): proto.Period => ({
  name: fromKey(key),
  ...sums,
});

export const fromReservation = (record: EndedReservation): proto.Reservation => ({
  id: record.id,
  virtualKeyId: record.virtualKeyId,
  reservationKey: record.reservationKey,
  state: STATES[record.state],
  amountNanos: record.amountNanos,
  chargedNanos: record.chargedNanos,
  provider: record.provider,
  model: record.model,
  createdAt: record.createdAt === undefined ? undefined : toTimestamp(record.createdAt),
  expiresAt: toTimestamp(record.expiresAt),
  heldIn: record.heldIn.map(fromKey),
});

export const fromDeadLetter = (letter: DeadLetter): proto.DeadLetter => ({
  id: letter.id,
  journaledAt: toTimestamp(letter.journaledAt),
  foundAt: toTimestamp(letter.foundAt),
  virtualKeyId: letter.virtualKeyId,
  idempotencyKey: letter.idempotencyKey,
  amountNanos: letter.amountNanos,
  provider: letter.provider,
  model: letter.model,
  reason: letter.reason,
});

/** Undefined: it is not said. */
export function toReservationState(
  state: proto.ReservationState,
): ReservationState | 'unknown' | undefined {
  switch (state) {
    case proto.ReservationState.RESERVATION_STATE_UNSPECIFIED:
      return undefined;
    case proto.ReservationState.RESERVATION_STATE_HELD:
      return 'held';
    case proto.ReservationState.RESERVATION_STATE_COMMITTED:
      return 'committed';
    case proto.ReservationState.RESERVATION_STATE_RELEASED:
      return 'released';
    case proto.ReservationState.RESERVATION_STATE_EXPIRED:
      return 'expired';
    case proto.ReservationState.UNRECOGNIZED:
    default:
      return 'unknown';
  }
}

const STATES: Readonly<Record<ReservationState, proto.ReservationState>> = {
  held: proto.ReservationState.RESERVATION_STATE_HELD,
  committed: proto.ReservationState.RESERVATION_STATE_COMMITTED,
  released: proto.ReservationState.RESERVATION_STATE_RELEASED,
  expired: proto.ReservationState.RESERVATION_STATE_EXPIRED,
};

const fromKey = ({ budgetId, generation, period }: PeriodKey): proto.PeriodName => ({
  budgetId,
  generation,
  interval: fromInterval(period),
});
