/** Questions about reservations, to and from their form on the wire. */
import {
  ChangeOutcome,
  type ChangeReservationRequest,
  type ChangeReservationResponse,
  type HandedReservation as HandedProto,
  type HandOverRequest,
  type HandOverResponse,
  type KeptReservation as KeptProto,
} from '../gen/weir/peer/v1/peer_service.js';
import {
  type HandedReservation,
  type HandedReservations,
  KEPT_STATES,
  type KeptName,
  type KeptReservation,
  type ReservationAnswer,
  type ReservationQuestion,
  type ReservationStep,
  type TakenOver,
} from './core/reservation-change.js';

export function questionToProto(question: ReservationQuestion): ChangeReservationRequest {
  const { bootId, scope: virtualKeyId, besideBudget, name, step } = question;
  const reservation: ChangeReservationRequest['reservation'] =
    name.kind === 'id'
      ? { $case: 'reservationId', value: name.id }
      : { $case: 'reservationKey', value: name.key };
  return { bootId, virtualKeyId, reservation, besideBudget, step: stepToProto(step) };
}

/** Undefined: of a kind that this release does not know. */
export function questionFromProto(
  request: ChangeReservationRequest,
): ReservationQuestion | undefined {
  const { bootId, virtualKeyId: scope, besideBudget } = request;
  const name = nameFromProto(request.reservation);
  const step = stepFromProto(request.step);
  if (name === undefined || step === undefined) return undefined;
  return { bootId, scope, name, besideBudget, step };
}

export function answerToProto(answer: ReservationAnswer): ChangeReservationResponse {
  switch (answer.kind) {
    case 'done': {
      const { isLate, isReplayed } = answer;
      const outcome = isReplayed
        ? ChangeOutcome.CHANGE_OUTCOME_REPLAYED
        : ChangeOutcome.CHANGE_OUTCOME_DONE;
      return { outcome, isLate, reservation: keptToProto(answer.reservation) };
    }
    case 'ended':
      return {
        outcome: ChangeOutcome.CHANGE_OUTCOME_ENDED,
        isLate: false,
        reservation: keptToProto(answer.reservation),
      };
    case 'unknown':
      return {
        outcome: ChangeOutcome.CHANGE_OUTCOME_UNKNOWN,
        isLate: false,
        reservation: undefined,
      };
  }
}

/** An answer that makes no sense is none. */
export function answerFromProto(response: ChangeReservationResponse): ReservationAnswer {
  const { outcome, isLate } = response;
  const reservation = keptFromProto(response.reservation);
  if (reservation === undefined) return { kind: 'unknown' };
  switch (outcome) {
    case ChangeOutcome.CHANGE_OUTCOME_DONE:
      return { kind: 'done', reservation, isLate, isReplayed: false };
    case ChangeOutcome.CHANGE_OUTCOME_REPLAYED:
      return { kind: 'done', reservation, isLate, isReplayed: true };
    case ChangeOutcome.CHANGE_OUTCOME_ENDED:
      return { kind: 'ended', reservation };
    case ChangeOutcome.CHANGE_OUTCOME_UNKNOWN:
    case ChangeOutcome.CHANGE_OUTCOME_UNSPECIFIED:
    case ChangeOutcome.UNRECOGNIZED:
      return { kind: 'unknown' };
  }
}

type StepProto = ChangeReservationRequest['step'];

function stepToProto(step: ReservationStep): StepProto {
  switch (step.kind) {
    case 'begin':
      return { $case: 'begin', value: { idempotencyKey: step.idempotencyKey } };
    case 'settle': {
      const { idempotencyKey, tokens, amountNanos } = step;
      const counted = tokens === undefined ? {} : { tokens: BigInt(tokens) };
      return {
        $case: 'settle',
        value: { idempotencyKey, amountNanos: BigInt(amountNanos), ...counted },
      };
    }
    case 'abandon':
      return { $case: 'abandon', value: { idempotencyKey: step.idempotencyKey } };
    case 'release':
      return { $case: 'release', value: { refund: step.refund } };
    case 'extend':
      return { $case: 'extend', value: { ttlMs: BigInt(step.ttlMs) } };
    case 'forceRelease':
      return { $case: 'forceRelease', value: {} };
    case 'endPlaces':
      return { $case: 'endPlaces', value: {} };
  }
}

function stepFromProto(step: StepProto): ReservationStep | undefined {
  switch (step?.$case) {
    case 'begin':
      return { kind: 'begin', idempotencyKey: step.value.idempotencyKey };
    case 'settle': {
      const { idempotencyKey, tokens, amountNanos } = step.value;
      return {
        kind: 'settle',
        idempotencyKey,
        tokens: tokens === undefined ? undefined : Number(tokens),
        amountNanos: Number(amountNanos),
      };
    }
    case 'abandon':
      return { kind: 'abandon', idempotencyKey: step.value.idempotencyKey };
    case 'release':
      return { kind: 'release', refund: step.value.refund };
    case 'extend':
      return { kind: 'extend', ttlMs: Number(step.value.ttlMs) };
    case 'forceRelease':
      return { kind: 'forceRelease' };
    case 'endPlaces':
      return { kind: 'endPlaces' };
    case undefined:
      return undefined;
  }
}

function nameFromProto(name: ChangeReservationRequest['reservation']): KeptName | undefined {
  switch (name?.$case) {
    case 'reservationId':
      return { kind: 'id', id: name.value };
    case 'reservationKey':
      return { kind: 'key', key: name.value };
    case undefined:
      return undefined;
  }
}

const keptToProto = ({ expiresAtMs, scope, ...kept }: KeptReservation): KeptProto => ({
  ...kept,
  virtualKeyId: scope,
  expiresAtMs: BigInt(Math.round(expiresAtMs)),
});

function keptFromProto(kept: KeptProto | undefined): KeptReservation | undefined {
  const state = KEPT_STATES.find((known) => known === kept?.state);
  if (kept === undefined || state === undefined) return undefined;
  const { id, virtualKeyId: scope, reservationKey, expiresAtMs } = kept;
  return { id, scope, reservationKey, state, expiresAtMs: Number(expiresAtMs) };
}

export const handedToProto = ({
  bootId,
  reservations,
  copies,
}: HandedReservations): HandOverRequest => ({
  bootId,
  reservations: reservations.map(oneToProto),
  copies: copies.map(oneToProto),
});

export const handedFromProto = ({
  bootId,
  reservations,
  copies,
}: HandOverRequest): HandedReservations => ({
  bootId,
  reservations: reservations.map(oneFromProto),
  copies: copies.map(oneFromProto),
});

const oneToProto = ({ scope, expiresAtMs, places, ...handed }: HandedReservation): HandedProto => ({
  ...handed,
  virtualKeyId: scope,
  expiresAtMs: BigInt(Math.round(expiresAtMs)),
  places: places.map(({ holdId, endsAtMs }) => ({
    holdId: BigInt(holdId),
    endsAtMs: BigInt(Math.ceil(endsAtMs)),
  })),
});

const oneFromProto = ({
  virtualKeyId,
  expiresAtMs,
  settledBy,
  places,
  ...handed
}: HandedProto): HandedReservation => ({
  ...handed,
  scope: virtualKeyId,
  expiresAtMs: Number(expiresAtMs),
  settledBy,
  places: places.map(({ holdId, endsAtMs }) => ({
    holdId: Number(holdId),
    endsAtMs: Number(endsAtMs),
  })),
});

export const takenToProto = ({ taken, placesTaken }: TakenOver): HandOverResponse => ({
  taken,
  placesTaken: placesTaken.map((holdId) => BigInt(holdId)),
});

export const takenFromProto = ({ taken, placesTaken }: HandOverResponse): TakenOver => ({
  taken,
  placesTaken: placesTaken.map(Number),
});
