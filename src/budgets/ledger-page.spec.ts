import { describe, expect, it } from '@jest/globals';
import type { FieldViolation } from '../common/domain-error.js';
import { wallMs } from '../common/time.js';
import {
  cutLedgerPage,
  entryPlaces,
  periodPlaces,
  readLedgerPage,
  reservationPlaces,
  withOneMore,
} from './ledger-page.js';

const ENTRIES = [5, 4, 3].map((at) => ({ recordedAt: wallMs(at), id: `debit_${at}` }));

const violations = (pageSize: number, pageToken = ''): readonly FieldViolation[] => {
  const found: FieldViolation[] = [];
  readLedgerPage({ pageSize, pageToken }, entryPlaces, found);
  return found;
};

const token = (text: string): string => Buffer.from(text).toString('base64url');

describe('a page of the ledger', () => {
  it('begins where the page before ended', () => {
    const found: FieldViolation[] = [];
    const first = readLedgerPage({ pageSize: 2, pageToken: '' }, entryPlaces, found);
    expect(withOneMore(first)).toEqual({ size: 3, after: undefined });
    const { records, nextPageToken } = cutLedgerPage(ENTRIES, first, entryPlaces);
    expect(records).toEqual(ENTRIES.slice(0, 2));
    const second = readLedgerPage({ pageSize: 0, pageToken: nextPageToken }, entryPlaces, found);
    expect(second).toEqual({ size: 100, after: ENTRIES[1] });
    expect(found).toEqual([]);
  });

  it('has no successor if nothing is left', () => {
    const page = { size: 3, after: undefined };
    expect(cutLedgerPage(ENTRIES, page, entryPlaces).nextPageToken).toBe('');
  });

  it('finds its place back in each list', () => {
    const key = { generation: 7, period: { start: wallMs(-62_135_596_800_000) } };
    expect(periodPlaces.read(periodPlaces.write({ key }))).toEqual({
      generation: 7,
      start: key.period.start,
    });
    expect(reservationPlaces.read(reservationPlaces.write({ id: 'res_1' }))).toEqual({
      id: 'res_1',
    });
  });

  it.each([-1, 1_001, 2_147_483_647])('has no size of %d', (pageSize) => {
    expect(violations(pageSize)).toMatchObject([{ field: 'page_size' }]);
  });

  it.each([
    ['%'],
    ['AAAA'],
    [token('debit_5')],
    [token('e 5')],
    [token('e -5 debit_5')],
    [token('e 1e3 debit_5')],
    [token('e 5 a\0b')],
    [token('e 9999999999999999 debit_5')],
    [token('r debit_5')],
    [token(`e 5 ${'x'.repeat(200)}`)],
  ])('refuses a token that it never gave: %j', (pageToken) => {
    expect(violations(10, pageToken)).toMatchObject([{ field: 'page_token' }]);
  });

  it('does not read a token that is too long to be one', () => {
    expect(violations(10, 'e'.repeat(1_000_000))).toMatchObject([{ field: 'page_token' }]);
  });

  it('refuses a place that PostgreSQL could not hold', () => {
    expect(periodPlaces.read('p 9999999999 5')).toBeUndefined();
    expect(reservationPlaces.read('r a\0b')).toBeUndefined();
  });
});
