import { describe, expect, it } from '@jest/globals';
import type { HandedReservation } from './core/reservation-change.js';
import { HandOver, type TellHeir, TOLD_TOGETHER_MAX } from './hand-over.js';

const one: HandedReservation = {
  id: 'res_1',
  scope: '',
  reservationKey: '',
  bodyHash: '',
  expiresAtMs: 0,
  settledBy: undefined,
  takes: '',
  places: [],
};

const nothing = { placesTaken: [] };

const place = (holdId: number) => ({ holdId, endsAtMs: 0 });

function* kept(count: number): Generator<HandedReservation> {
  for (let i = 0; i < count; i++) yield one;
}

/** Each has room for so many, or does not answer; with what it was told. */
function heirs(rooms: Readonly<Record<string, number | undefined>>) {
  const told = new Map<string, number>();
  const tell: TellHeir = (bootId, handed) => {
    const before = told.get(bootId) ?? 0;
    told.set(bootId, before + handed.length);
    const room = rooms[bootId];
    if (room === undefined) return Promise.resolve(undefined);
    const taken = Math.max(0, Math.min(handed.length, room - before));
    return Promise.resolve({ ...nothing, taken });
  };
  return { told, tell };
}

const ROOM = 1_000_000;

describe('HandOver', () => {
  it('tells each to one heir, in turn, some together', async () => {
    const { told, tell } = heirs({ a: ROOM, b: ROOM, c: ROOM });
    const outcome = await new HandOver(['a', 'b', 'c'], tell).run(kept(3_100));
    expect(outcome).toEqual({ lost: 0, placesTaken: [] });
    expect([...told]).toEqual([
      ['a', 1_100],
      ['b', 1_000],
      ['c', 1_000],
    ]);
  });

  it('tells no more to one without room, and goes on with the others', async () => {
    const { told, tell } = heirs({ a: ROOM, b: 300 });
    const { lost } = await new HandOver(['a', 'b'], tell).run(kept(5_000));
    expect(lost).toBe((told.get('b') ?? 0) - 300);
    expect(lost).toBeLessThanOrEqual(4 * TOLD_TOGETHER_MAX);
    expect(told.get('a')).toBe(5_000 - 300 - lost);
  });

  it('tells no more to one that does not answer, and loses what is left when no heir is', async () => {
    const { told, tell } = heirs({ a: undefined });
    expect(await new HandOver(['a'], tell).run(kept(5_000))).toMatchObject({ lost: 5_000 });
    expect(told.get('a')).toBeLessThanOrEqual(4 * TOLD_TOGETHER_MAX);
    expect(await new HandOver([], tell).run(kept(5))).toMatchObject({ lost: 5 });
  });

  it('says which places heirs count, and believes none of those that it was not told', async () => {
    const reserved = [1, 2, 3].map((n) => ({ ...one, places: [place(n), place(10 * n)] }));
    const tell: TellHeir = (_, handed) =>
      Promise.resolve({ taken: handed.length, placesTaken: [1, 20, 4] });
    const { placesTaken } = await new HandOver(['a'], tell).run(reserved.values());
    expect(placesTaken).toEqual([1, 20]);
  });

  it('begins nothing when its time is up', async () => {
    let taken = 0;
    const tell: TellHeir = (_, handed) =>
      new Promise((resolve) => {
        taken += handed.length;
        setImmediate(() => resolve({ ...nothing, taken: handed.length }));
      });
    const { lost } = await new HandOver(['a'], tell, 0).run(kept(1_000_000));
    expect(taken).toBeGreaterThanOrEqual(TOLD_TOGETHER_MAX);
    expect(lost).toBe(1_000_000 - taken);
    expect(lost).toBeGreaterThan(0);
  });
});
