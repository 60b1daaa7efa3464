import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryBudgetLedger } from '../../src/budgets/memory-budget-ledger.js';
import type { HandedReservations, TakenOver } from '../../src/cluster/core/reservation-change.js';
import { MemoryPeerNetwork, MemoryPeerTransport } from '../../src/cluster/memory-peer-network.js';
import type { PeerAddress } from '../../src/cluster/peer-transport.js';
import type { Replica } from '../../src/cluster/replica.js';
import { checkCall, debitCall, limitRecord, LimitScene, SUBJECT } from '../support/limit-scene.js';
import { ManualClock } from '../support/manual-clock.js';
import { memberOf } from '../support/member-of.js';
import { eventually } from '../support/eventually.js';
import { budget } from './policy-store-records.js';

/** Tells an heir of an older release, which passes over what it does not know, or hears no answer. */
class OddTransport extends MemoryPeerTransport {
  mood: 'well' | 'old heir' | 'loses answers' = 'well';

  override async handOver(to: PeerAddress, handed: HandedReservations): Promise<TakenOver> {
    const read = (one: HandedReservations['reservations'][number]) => ({ ...one, places: [] });
    const heard =
      this.mood === 'old heir'
        ? { ...handed, reservations: handed.reservations.map(read), copies: [] }
        : handed;
    const taken = await super.handOver(to, heard);
    if (this.mood === 'loses answers') throw new Error('cut off');
    return taken;
  }
}

const MAXIMUM = 3;
const HOLD_MS = 30_000;
const LIMIT = limitRecord('lim', {
  algorithm: { kind: 'concurrency', holdMs: HOLD_MS },
  unit: 'requests',
  maximum: MAXIMUM,
});

/** Each counts alone here: what they tell each other of their counts is shown elsewhere. */
describe('the places of a replica that leaves', () => {
  const clock = new ManualClock('2026-08-05T10:00:00Z');
  const silent = { message: () => undefined, closed: () => undefined };
  const heirsOf = new Map<string, readonly Replica[]>();
  let network: MemoryPeerNetwork;
  let ledger: MemoryBudgetLedger;
  let transport: OddTransport;
  let scenes: LimitScene[];
  let keeper: LimitScene;
  let keeperMember: Replica;
  let heir: LimitScene;
  let third: LimitScene;

  async function start(host: string, listening = network.transport()) {
    const { port } = await listening.listen({ host, port: 0 }, { accepted: () => silent });
    const replicas = () => heirsOf.get(host) ?? [];
    const scene = new LimitScene(clock, { transport: listening, replicas, ledger });
    scene.declare(LIMIT);
    scenes.push(await scene.start());
    return { scene, member: memberOf(scene, host, port) };
  }

  beforeEach(async () => {
    network = new MemoryPeerNetwork();
    ledger = new MemoryBudgetLedger(clock);
    transport = new OddTransport(network);
    scenes = [];
    const keeping = await start('keeper', transport);
    keeper = keeping.scene;
    keeperMember = keeping.member;
    const inheriting = await start('heir');
    heir = inheriting.scene;
    third = (await start('third')).scene;
    heirsOf.set('keeper', [inheriting.member]);
    heirsOf.set('third', [inheriting.member]);
  });

  afterEach(async () => {
    for (const scene of scenes) await scene.stop();
    heirsOf.clear();
  });

  async function held(scene: LimitScene): Promise<number> {
    const look = checkCall({ dryRun: true, noHold: true });
    const [verdict] = (await scene.checks.check(look)).decision.verdicts;
    return verdict?.kind === 'limit' ? MAXIMUM - verdict.remaining : Number.NaN;
  }

  async function call(key: string): Promise<string> {
    const { reservation } = await keeper.checks.check(checkCall({ reservationKey: key }));
    return reservation?.id ?? '';
  }

  /** An heir that knows nothing of places keeps what it is told; the place stays where it was given out. */
  async function handToOldHeir(): Promise<void> {
    const id = await call('first');
    transport.mood = 'old heir';
    expect(await keeper.roaming.handOver()).toBe(0);
    expect([await held(keeper), await held(heir)]).toEqual([1, 0]);
    const settled = debitCall('k', { reservation: { kind: 'id', id } });
    expect(await third.debits.debit(settled)).toMatchObject({ late: false });
    expect(await held(keeper)).toBe(1);
  }

  it('are counted by the heir and no more by who leaves, and freed by whoever settles, once', async () => {
    const id = await call('first');
    await call('second');
    expect(await keeper.roaming.handOver()).toBe(0);
    expect([await held(keeper), await held(heir)]).toEqual([0, 2]);
    const settled = debitCall('k', { reservation: { kind: 'id', id } });
    expect(await third.debits.debit(settled)).toMatchObject({ late: false });
    expect(await third.debits.debit(settled)).toMatchObject({ replayed: true });
    expect(await held(heir)).toBe(1);
    const reservation = { kind: 'key', key: 'second' } as const;
    await third.reservations.release({ subject: SUBJECT, reservation, refund: false });
    expect(await held(heir)).toBe(0);
  });

  it('end when they would have ended, unless a third replica extends them', async () => {
    const id = await call('first');
    await call('second');
    clock.advance(HOLD_MS / 2);
    await keeper.roaming.handOver();
    const extend = { subject: SUBJECT, reserveTtlMs: 2 * HOLD_MS, addNanos: 0n } as const;
    await third.reservations.extend({ ...extend, reservation: { kind: 'id', id } });
    clock.advance(HOLD_MS / 2 - 1);
    expect(await held(heir)).toBe(2);
    clock.advance(1);
    expect(await held(heir)).toBe(1);
    clock.advance(1.5 * HOLD_MS);
    expect(await held(heir)).toBe(0);
  });

  it('are handed on once more when the heir leaves', async () => {
    const id = await call('first');
    const last = await start('last');
    await keeper.roaming.handOver();
    heirsOf.set('heir', [last.member]);
    heirsOf.set('third', [last.member]);
    expect(await heir.roaming.handOver()).toBe(0);
    expect([await held(keeper), await held(heir), await held(last.scene)]).toEqual([0, 0, 1]);
    await third.debits.debit(debitCall('k', { reservation: { kind: 'id', id } }));
    expect(await held(last.scene)).toBe(0);
  });

  it('stay with who leaves if the heir is of an older release, which keeps the reservation', async () => {
    await handToOldHeir();
  });

  it('count twice until their end if the answer of the heir is lost, and never less than once', async () => {
    await call('first');
    transport.mood = 'loses answers';
    expect(await keeper.roaming.handOver()).toBe(1);
    expect([await held(keeper), await held(heir)]).toEqual([1, 1]);
    clock.advance(HOLD_MS);
    expect([await held(keeper), await held(heir)]).toEqual([0, 0]);
  });

  it('stay with who leaves if the heir knows their limit in another version', async () => {
    await call('first');
    heir.declare({ ...LIMIT, generation: 2 });
    expect(await keeper.roaming.handOver()).toBe(0);
    expect([await held(keeper), await held(heir)]).toEqual([1, 0]);
    expect(heir.stats().size).toBe(1);
  });

  it('are not handed on when they have ended, though the reservation lasts', async () => {
    await call('first');
    clock.advance(HOLD_MS);
    expect(await keeper.roaming.handOver()).toBe(0);
    expect([await held(heir), heir.stats().size]).toEqual([0, 1]);
  });

  describe('beside a budget, whose ledger has the reservation', () => {
    const extend = { subject: SUBJECT, reserveTtlMs: 2 * HOLD_MS, addNanos: 0n } as const;

    beforeEach(() => {
      const owner = { kind: 'virtual_key', id: SUBJECT.keyId } as const;
      for (const scene of scenes) scene.declareBudget(budget({ owner }));
    });

    const becomes = (scene: LimitScene, places: number): Promise<void> =>
      eventually(`${places} places are held`, async () => (await held(scene)) === places);

    it('are counted by the heir, and freed by whoever settles or releases', async () => {
      const ids = [await call('first'), await call('second'), await call('third')];
      expect(await keeper.roaming.handOver()).toBe(0);
      expect([await held(keeper), await held(heir)]).toEqual([0, 3]);
      expect(heir.stats().size).toBe(0);
      const byId = { kind: 'id', id: ids[0] ?? '' } as const;
      const settled = debitCall('k', { reservation: byId });
      expect(await third.debits.debit(settled)).toMatchObject({ late: false });
      await becomes(heir, 2);
      const reservation = { kind: 'key', key: 'second' } as const;
      await third.reservations.release({ subject: SUBJECT, reservation, refund: false });
      await becomes(heir, 1);
      // The heir itself asks nobody.
      const own = { kind: 'key', key: 'third' } as const;
      await heir.debits.debit(debitCall('l', { reservation: own }));
      await becomes(heir, 0);
    });

    it('are freed by their replica though no stream reaches it, as between regions', async () => {
      const id = await call('first');
      heirsOf.set('third', [keeperMember]);
      await third.debits.debit(debitCall('k', { reservation: { kind: 'id', id } }));
      await becomes(keeper, 0);
      expect(keeper.counters.stats().droppedCorrections).toBe(0);
    });

    it('last as long as a third replica says', async () => {
      const id = await call('first');
      await keeper.roaming.handOver();
      await third.reservations.extend({ ...extend, reservation: { kind: 'id', id } });
      await eventually('the heir is told', async () => {
        const [longest] = [...heir.own.copiesToHandOver()];
        return longest?.places[0]?.endsAtMs === clock.wallNow() + 2 * HOLD_MS;
      });
      clock.advance(2 * HOLD_MS - 1);
      expect(await held(heir)).toBe(1);
      clock.advance(1);
      expect(await held(heir)).toBe(0);
    });

    it('are handed on with the time that the ledger has extended them by', async () => {
      const id = await call('first');
      await keeper.reservations.extend({ ...extend, reservation: { kind: 'id', id } });
      clock.advance(1.5 * HOLD_MS);
      await keeper.roaming.handOver();
      expect([await held(keeper), await held(heir)]).toEqual([0, 1]);
      await third.reservations.extend({ ...extend, reservation: { kind: 'id', id } });
      await eventually('the heir is told', async () => {
        const [longest] = [...heir.own.copiesToHandOver()];
        return longest?.places[0]?.endsAtMs === clock.wallNow() + 2 * HOLD_MS;
      });
    });

    it('stay with who leaves if the heir is of an older release', async () => {
      await handToOldHeir();
    });
  });

  it.each([
    ['a place that is none of its takes', { holdId: 7, endsAtMs: 2e12 }],
    ['a place whose time is over', { holdId: 1, endsAtMs: 1 }],
    ['an end that is no time', { holdId: 1, endsAtMs: Number.POSITIVE_INFINITY }],
  ])('are not taken over if the peer tells %s', (_, place) => {
    const told = { id: 'res_1', scope: SUBJECT.keyId, reservationKey: '', bodyHash: '' };
    const takes = '[["lim/1",0,1,1,"0123456789abcdef","weir-0"]]';
    const handed = { ...told, expiresAtMs: 2e12, settledBy: undefined, takes, places: [place] };
    expect(heir.own.takeOver(handed)).toEqual([]);
    expect(heir.counters.stats().holds).toBe(0);
  });

  it.each(['-1', '0', '0.5', '1e99'])('are not taken over if there are %s of them', (amount) => {
    const told = { id: 'res_1', scope: SUBJECT.keyId, reservationKey: '', bodyHash: '' };
    const takes = `[["lim/1",0,${amount},1,"0123456789abcdef","weir-0"]]`;
    const places = [{ holdId: 1, endsAtMs: 2e12 }];
    const handed = { ...told, expiresAtMs: 2e12, settledBy: undefined, takes, places };
    expect(heir.own.takeOver(handed)).toEqual([]);
    expect(heir.counters.stats().holds).toBe(0);
  });
});
