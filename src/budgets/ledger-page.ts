import type { FieldViolation } from '../common/domain-error.js';
import { wallMs } from '../common/time.js';
import { pageSizeOf, pageSizeViolations } from '../rpc/page-size.js';
import type { DeadLetterCursor } from './journal/dead-letters.js';
import type { EntryPlace, LedgerPage, PeriodPlace, ReservationPlace } from './ledger-reader.js';

/**
 * How a place becomes a token and back. Callers are to hand tokens back, not to read them; base 64 says
 * so. The first letter keeps the tokens of one list out of another.
 */
export interface PlaceCodec<Place, Last> {
  write(last: Last): string;
  /** Undefined if it is no such place. */
  read(text: string): Place | undefined;
}

export const entryPlaces: PlaceCodec<EntryPlace, EntryPlace> = {
  write: ({ recordedAt, id }) => `e ${recordedAt} ${id}`,
  read: (text) => {
    const [, at, id] = /^e (\d{1,15}) ([\w.-]+)$/.exec(text) ?? [];
    return at === undefined || id === undefined ? undefined : { recordedAt: wallMs(+at), id };
  },
};

export const periodPlaces: PlaceCodec<
  PeriodPlace,
  { readonly key: { readonly generation: number; readonly period: { readonly start: number } } }
> = {
  write: ({ key }) => `p ${key.generation} ${key.period.start}`,
  read: (text) => {
    const [, generation, start] = /^p (\d{1,9}) (-?\d{1,15})$/.exec(text) ?? [];
    if (generation === undefined || start === undefined) return undefined;
    return { generation: +generation, start: wallMs(+start) };
  },
};

export const reservationPlaces: PlaceCodec<ReservationPlace, ReservationPlace> = {
  write: ({ id }) => `r ${id}`,
  read: (text) => {
    const [, id] = /^r ([\w.-]+)$/.exec(text) ?? [];
    return id === undefined ? undefined : { id };
  },
};

export const deadLetterPlaces: PlaceCodec<DeadLetterCursor, DeadLetterCursor> = {
  write: ({ foundAt, id }) => `d ${foundAt} ${id}`,
  read: (text) => {
    const [, at, id] = /^d (\d{1,15}) ([\w.-]+)$/.exec(text) ?? [];
    return at === undefined || id === undefined ? undefined : { foundAt: wallMs(+at), id };
  },
};

/** A letter, a time and an id of 64 characters, in base 64. */
const TOKEN_CHARACTERS_MAX = 120;

/** What of a page's fields is wrong goes to `found`. */
export function readLedgerPage<Place>(
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
  places: Pick<PlaceCodec<Place, never>, 'read'>,
  found: FieldViolation[],
): LedgerPage<Place> {
  found.push(...pageSizeViolations(pageSize));
  const size = pageSizeOf(pageSize);
  if (pageToken === '') return { size, after: undefined };
  const isLong = pageToken.length > TOKEN_CHARACTERS_MAX;
  const after = isLong
    ? undefined
    : places.read(Buffer.from(pageToken, 'base64url').toString('latin1'));
  if (after === undefined) {
    const description = 'must be a next_page_token of the same list, unchanged, or empty';
    found.push({ field: 'page_token', description });
  }
  return { size, after };
}

/** One record more than the page has: it tells whether there is another page. */
export const withOneMore = <Place>(page: LedgerPage<Place>): LedgerPage<Place> => ({
  ...page,
  size: page.size + 1,
});

/** Cuts what was read {@link withOneMore} down to the page. */
export function cutLedgerPage<T extends Last, Last>(
  records: readonly T[],
  { size }: LedgerPage<unknown>,
  places: PlaceCodec<unknown, Last>,
): { readonly records: readonly T[]; readonly nextPageToken: string } {
  const kept = records.slice(0, size);
  const last = records.length > size ? kept.at(-1) : undefined;
  return { records: kept, nextPageToken: last === undefined ? '' : writeToken(places.write(last)) };
}

export const writeToken = (place: string): string =>
  Buffer.from(place, 'latin1').toString('base64url');
