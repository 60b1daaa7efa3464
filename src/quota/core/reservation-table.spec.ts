import { describe, expect, it } from '@jest/globals';
import { wallMs } from '../../common/time.js';
import { LATE_MS, type LimitReservation, ReservationTable } from './reservation-table.js';

const NOW = wallMs(1_000_000);

const reservation = (n: number, over: Partial<LimitReservation> = {}): LimitReservation => ({
  id: `res_${n}`,
  scope: 'key',
  reservationKey: `call ${n}`,
  bodyHash: '',
  expiresAt: wallMs(NOW + 60_000),
  takes: [],
  state: 'held',
  settledBy: undefined,
  ...over,
});

const byKey = (key: string) => ({ kind: 'key', key }) as const;
const byId = (id: string) => ({ kind: 'id', id }) as const;

describe('the table of reservations', () => {
  it('finds by id and by the key of the caller, and only for whose they are', () => {
    const table = new ReservationTable(10);
    const kept = reservation(1);
    table.add(kept, NOW);
    expect(table.find('key', byId('res_1'))).toBe(kept);
    expect(table.find('key', byKey('call 1'))).toBe(kept);
    expect(table.find('other', byId('res_1'))).toBeUndefined();
    expect(table.find('other', byKey('call 1'))).toBeUndefined();
    expect(table.find('key', byKey(''))).toBeUndefined();
  });

  it('has no key for those that were given none', () => {
    const table = new ReservationTable(10);
    table.add(reservation(1, { reservationKey: '' }), NOW);
    expect(table.find('key', byKey(''))).toBeUndefined();
    expect(table.find('key', byId('res_1'))).toBeDefined();
  });

  it('refuses when all that it has last', () => {
    const table = new ReservationTable(3);
    for (let i = 0; i < 3; i++) expect(table.add(reservation(i), NOW)).toBe(true);
    expect(table.add(reservation(3), NOW)).toBe(false);
    expect(table.size).toBe(3);
    expect(table.find('key', byId('res_3'))).toBeUndefined();
  });

  it.each([
    ['that were settled', { state: 'committed' as const }],
    ['that were released', { state: 'released' as const }],
    ['whose time is over', { expiresAt: NOW }],
  ])('makes room of those %s', (_, over) => {
    const table = new ReservationTable(3);
    for (let i = 0; i < 3; i++) table.add(reservation(i, i === 1 ? over : {}), NOW);
    expect(table.add(reservation(3), NOW)).toBe(true);
    expect(table.find('key', byKey('call 1'))).toBeUndefined();
    expect(table.find('key', byKey('call 2'))).toBeDefined();
  });

  it('keeps those that are over for a late settle, and then lets them go in passing', () => {
    const table = new ReservationTable(1_000);
    for (let i = 0; i < 100; i++) table.add(reservation(i), NOW);
    const later = wallMs(NOW + 60_000 + LATE_MS - 1);
    const last = wallMs(later + 60_000);
    table.add(reservation(100, { expiresAt: last }), later);
    expect(table.size).toBe(101);
    for (let i = 101; i < 200; i++)
      table.add(reservation(i, { expiresAt: last }), wallMs(later + 1));
    expect(table.find('key', byId('res_50'))).toBeUndefined();
    expect(table.size).toBe(100);
  });
});
