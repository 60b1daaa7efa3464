import type { ReservationFacts } from '../budgets/core/ledger-item.js';
import { DomainError } from '../common/domain-error.js';

/** A peer that is dead is known to be after seconds. */
const UNREACHABLE_RETRY_MS = 1_000;

/** The reservation of another key is as unknown as one that never was. */
export function reservationNotFound(): DomainError {
  const description = 'names no reservation of this virtual key';
  return new DomainError('NOT_FOUND', `the reservation does not exist; nothing was done`, {
    violations: [{ field: 'reservation', description }],
  });
}

/** Nothing was done there, or it was done without an answer: either way it may be asked for again. */
export function reservationUnreachable(): DomainError {
  const message = 'the replica that may keep the reservation does not answer; try again';
  return new DomainError('UNAVAILABLE', message, { retryAfterMs: UNREACHABLE_RETRY_MS });
}

export function reservationKeyReused(): DomainError {
  const message = 'this reservation key was used with another body; nothing was held';
  const description = 'was used for another call; make a new key for each call';
  return new DomainError('ALREADY_EXISTS', message, {
    violations: [{ field: 'reservation_key', description }],
  });
}

export function reservationEnded({ id, state }: ReservationFacts): DomainError {
  const message = `reservation ${id} is ${WORDS[state]}; nothing was done`;
  const description = 'has ended; record further spending as a debit without a reservation';
  return new DomainError('FAILED_PRECONDITION', message, {
    violations: [{ field: 'reservation', description }],
  });
}

const WORDS: Readonly<Record<ReservationFacts['state'], string>> = {
  held: 'held',
  committed: 'settled already',
  released: 'released already',
  expired: 'over',
};
