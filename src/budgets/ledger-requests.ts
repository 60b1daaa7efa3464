import { type FieldViolation, invalidArgument } from '../common/domain-error.js';
import { LIFETIME } from '../common/interval-at.js';
import type { Interval } from '../common/time.js';
import { type Owner, OwnerKind } from '../gen/weir/v1/common.js';
import type {
  ListDeadLettersRequest,
  ListLedgerRequest,
  ListPeriodsRequest,
  ListReservationsRequest,
} from '../gen/weir/v1/ledger_service.js';
import { toInterval } from '../rpc/proto-interval.js';
import type { SpendQuery } from './core/ledger-model.js';
import type { DeadLetterCursor } from './journal/dead-letters.js';
import {
  deadLetterPlaces,
  entryPlaces,
  periodPlaces,
  readLedgerPage,
  reservationPlaces,
} from './ledger-page.js';
import { toReservationState } from './ledger-proto.js';
import type {
  EntryFilter,
  EntryPlace,
  LedgerPage,
  PeriodPlace,
  ReservationFilter,
  ReservationPlace,
} from './ledger-reader.js';

/** What is asked of the ledger, after its form was checked; every wrong field is named at once. */
export interface ListQuery<Filter, Place> {
  readonly filter: Filter;
  readonly page: LedgerPage<Place>;
}

/** @throws DomainError `INVALID_ARGUMENT`. */
export function entryQuery(request: ListLedgerRequest): ListQuery<EntryFilter, EntryPlace> {
  const found: FieldViolation[] = [];
  const page = readLedgerPage(request, entryPlaces, found);
  const filter = {
    owner: readOwner(request.owner, found),
    budgetId: readOptionalId(request.budgetId, 'budget_id', found),
    interval: readInterval(request, found),
  };
  throwIfAny(found);
  return { filter, page };
}

/** @throws DomainError `INVALID_ARGUMENT`. */
export function periodQuery(request: ListPeriodsRequest): ListQuery<string, PeriodPlace> {
  const found: FieldViolation[] = [];
  const page = readLedgerPage(request, periodPlaces, found);
  checkId(request.budgetId, 'budget_id', found);
  throwIfAny(found);
  return { filter: request.budgetId, page };
}

/** @throws DomainError `INVALID_ARGUMENT`. */
export function reservationQuery(
  request: ListReservationsRequest,
): ListQuery<ReservationFilter, ReservationPlace> {
  const found: FieldViolation[] = [];
  const page = readLedgerPage(request, reservationPlaces, found);
  const state = toReservationState(request.state);
  if (state === 'unknown') {
    const description = 'must be a state that this version knows, or unspecified for all';
    found.push({ field: 'state', description });
  }
  const virtualKeyId = readOptionalId(request.virtualKeyId, 'virtual_key_id', found);
  throwIfAny(found);
  return { filter: { virtualKeyId, state: state === 'unknown' ? undefined : state }, page };
}

/** @throws DomainError `INVALID_ARGUMENT`. */
export function deadLetterPage(request: ListDeadLettersRequest): LedgerPage<DeadLetterCursor> {
  const found: FieldViolation[] = [];
  const page = readLedgerPage(request, deadLetterPlaces, found);
  throwIfAny(found);
  return page;
}

/** @throws DomainError `INVALID_ARGUMENT`. */
export function requireId(id: string, field: string): string {
  const found: FieldViolation[] = [];
  checkId(id, field, found);
  throwIfAny(found);
  return id;
}

const OWNER_KINDS: ReadonlyMap<OwnerKind, SpendQuery['owner']['kind']> = new Map([
  [OwnerKind.OWNER_KIND_ROOT, 'root'],
  [OwnerKind.OWNER_KIND_CUSTOMER, 'customer'],
  [OwnerKind.OWNER_KIND_TEAM, 'team'],
  [OwnerKind.OWNER_KIND_VIRTUAL_KEY, 'virtual_key'],
]);

/** What was spent outlives who spent it, so that the owner need not exist any more. */
function readOwner(message: Owner | undefined, found: FieldViolation[]): EntryFilter['owner'] {
  if (message === undefined) return undefined;
  const kind = OWNER_KINDS.get(message.kind);
  if (kind === undefined) {
    const description = 'must say whose entries to list: root, customer, team or virtual key';
    found.push({ field: 'owner.kind', description });
    return undefined;
  }
  if (kind !== 'root') checkId(message.id, 'owner.id', found);
  else if (message.id !== '')
    found.push({ field: 'owner.id', description: 'must be empty: the root has no id' });
  return { kind, id: message.id };
}

function readInterval(
  { interval: message }: ListLedgerRequest,
  found: FieldViolation[],
): Interval | undefined {
  const interval = toInterval(message);
  if (interval === undefined) return undefined;
  for (const bound of ['start', 'end'] as const)
    if (!isInYears(interval[bound]))
      found.push({ field: `interval.${bound}`, description: 'must be in the years 1 to 9999' });
  if (interval.end <= interval.start)
    found.push({ field: 'interval.end', description: 'must be after interval.start' });
  return interval;
}

const isInYears = (at: number): boolean => at >= LIFETIME.start && at <= LIFETIME.end;

function readOptionalId(id: string, field: string, found: FieldViolation[]): string | undefined {
  if (id === '') return undefined;
  checkId(id, field, found);
  return id;
}

const ID = /^[A-Za-z0-9_.-]{1,64}$/;

function checkId(id: string, field: string, found: FieldViolation[]): void {
  if (ID.test(id)) return;
  const description = 'must be an id: 1 to 64 letters, digits, "_", "-" or "."';
  found.push({ field, description });
}

function throwIfAny(found: readonly FieldViolation[]): void {
  if (found.length > 0) throw invalidArgument(found);
}
