/**
 * What settles and expiries post, and where: budgets that hold are posted in the period in which they
 * hold, whatever the clock says (I6); what an expiry charged already is not charged again.
 */
import type { WallMs } from '../../common/time.js';
import type {
  CallFacts,
  Crossing,
  Expire,
  Hold,
  ReservationFacts,
  ReservationState,
} from './ledger-item.js';
import type { Debit, DebitFacts, PeriodKey } from './ledger-model.js';

export interface Reservation {
  readonly hold: Hold;
  amountNanos: bigint;
  chargedNanos: bigint;
  expiresAt: WallMs;
  state: ReservationState;
  isSettled: boolean;
}

export interface Posting {
  readonly key: PeriodKey;
  readonly nanos: bigint;
}

export interface Entry {
  /** Undefined: what an expiry charged, or what corrects a carry-over. */
  readonly debit: Debit | undefined;
  /** Whose spend it is. */
  readonly call: CallFacts;
  /** What the entry adds to its owner's spend. */
  readonly amountNanos: bigint;
  readonly postings: readonly Posting[];
  readonly facts: DebitFacts;
  readonly isLate: boolean;
  readonly overageNanos: bigint;
  readonly crossed: readonly Crossing[];
}

/** The period in which the reservation holds money of the key's budget. */
export const heldPeriod = ({ hold }: Reservation, { budgetId }: PeriodKey): PeriodKey | undefined =>
  hold.budgets.find(({ key }) => key.budgetId === budgetId)?.key;

/** Budgets that hold are posted where they hold, less what the expiry charged; others where asked. */
export function postingsOf(debit: Debit, reservation: Reservation | undefined): readonly Posting[] {
  const nanos = debit.amountNanos;
  if (reservation === undefined) return debit.postedTo.map((key) => ({ key, nanos }));
  const charged = reservation.chargedNanos;
  const asked = debit.postedTo.map((key): Posting => {
    const held = heldPeriod(reservation, key);
    return held === undefined ? { key, nanos } : { key: held, nanos: nanos - charged };
  });
  if (charged === 0n) return asked;
  const ids = new Set(debit.postedTo.map(({ budgetId }) => budgetId));
  const rest = reservation.hold.budgets.filter(({ key }) => !ids.has(key.budgetId));
  return [...asked, ...rest.map(({ key }) => ({ key, nanos: -charged }))];
}

export function overage(amountNanos: bigint, reservation: Reservation | undefined): bigint {
  if (reservation === undefined || amountNanos <= reservation.amountNanos) return 0n;
  return amountNanos - reservation.amountNanos;
}

export function chargeOf({ hold, amountNanos }: Reservation): bigint {
  if (hold.onExpiry === 'release') return 0n;
  if (hold.onExpiry === 'charge_estimate') return amountNanos;
  return hold.floorNanos < amountNanos ? hold.floorNanos : amountNanos;
}

export function expiryEntry({ entryId }: Expire, reservation: Reservation, now: WallMs): Entry {
  const { chargedNanos, hold } = reservation;
  const postings = hold.budgets.map(({ key }) => ({ key, nanos: chargedNanos }));
  const postedTo = postings.map(({ key }) => key);
  const price = { priceId: '', priceRevision: 0 };
  const facts = { id: entryId, amountNanos: chargedNanos, ...price, recordedAt: now, postedTo };
  const rest = { isLate: false, overageNanos: 0n, crossed: [] };
  return { debit: undefined, call: hold, amountNanos: chargedNanos, postings, facts, ...rest };
}

const NOBODY: CallFacts = {
  virtualKeyId: '',
  teamId: '',
  customerId: '',
  provider: '',
  model: '',
};

/** What corrects a period after the one before it has changed: nobody's spend. */
export function carryEntry(key: PeriodKey, nanos: bigint, now: WallMs): Entry {
  const price = { priceId: '', priceRevision: 0 };
  const facts = { id: '', amountNanos: 0n, ...price, recordedAt: now, postedTo: [key] };
  return {
    debit: undefined,
    call: NOBODY,
    amountNanos: 0n,
    postings: [{ key, nanos }],
    facts,
    isLate: false,
    overageNanos: 0n,
    crossed: [],
  };
}

export const factsOf = (reservation: Reservation): ReservationFacts => ({
  id: reservation.hold.id,
  scope: reservation.hold.scope,
  reservationKey: reservation.hold.reservationKey,
  state: reservation.state,
  amountNanos: reservation.amountNanos,
  chargedNanos: reservation.chargedNanos,
  expiresAt: reservation.expiresAt,
  heldIn: reservation.hold.budgets.map(({ key }) => key),
  takes: reservation.hold.takes,
});
