import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type {
  ReservationAnswer,
  ReservationQuestion,
} from '../../src/cluster/core/reservation-change.js';
import { MemoryPeerNetwork, MemoryPeerTransport } from '../../src/cluster/memory-peer-network.js';
import type { PeerAddress } from '../../src/cluster/peer-transport.js';
import type { Replica } from '../../src/cluster/replica.js';
import { eventually } from '../support/eventually.js';
import { checkCall, debitCall, limitRecord, LimitScene, SUBJECT } from '../support/limit-scene.js';
import { ManualClock } from '../support/manual-clock.js';
import { memberOf } from '../support/member-of.js';

/** Reaches no peer, or hears no answer, as a test says. */
class OddTransport extends MemoryPeerTransport {
  mood: 'well' | 'deaf' | 'loses answers' = 'well';
  asked = 0;

  override async ask(to: PeerAddress, question: ReservationQuestion): Promise<ReservationAnswer> {
    this.asked += 1;
    if (this.mood === 'deaf') throw new Error('connection refused');
    const answer = await super.ask(to, question);
    if (this.mood === 'loses answers') throw new Error('cut off');
    return answer;
  }
}

const LIMIT = limitRecord('lim', {
  algorithm: {
    kind: 'fixed_window',
    window: { kind: 'duration', durationMs: 86_400_000, anchorMs: 0 },
  },
  unit: 'tokens',
  maximum: 100,
});

describe('a reservation that a peer keeps', () => {
  const clock = new ManualClock('2026-08-05T10:00:00Z');
  let transport: OddTransport;
  let keeper: LimitScene;
  let heir: LimitScene;
  let other: LimitScene;
  let members: readonly Replica[];
  let heirs: readonly Replica[];

  beforeEach(async () => {
    const network = new MemoryPeerNetwork();
    const silent = { message: () => undefined, closed: () => undefined };
    const listen = async (host: string, replicas: () => readonly Replica[]) => {
      const listening = network.transport();
      const { port } = await listening.listen({ host, port: 0 }, { accepted: () => silent });
      const scene = new LimitScene(clock, { transport: listening, replicas });
      return { scene, member: memberOf(scene, host, port) };
    };
    const keeping = await listen('keeper', () => heirs);
    const inheriting = await listen('heir', () => []);
    keeper = keeping.scene;
    heir = inheriting.scene;
    heirs = [inheriting.member];
    members = [keeping.member, inheriting.member];
    transport = new OddTransport(network);
    other = new LimitScene(clock, { transport, replicas: () => members });
    for (const scene of [keeper, heir, other]) {
      scene.declare(LIMIT);
      await scene.start();
    }
  });

  afterEach(async () => {
    transport.mood = 'well';
    await other.stop();
    await keeper.stop();
    await heir.stop();
  });

  const left = async (scene = keeper): Promise<number | undefined> => {
    const look = checkCall({ dryRun: true, noHold: true });
    const [verdict] = (await scene.checks.check(look)).decision.verdicts;
    return verdict?.kind === 'limit' ? verdict.remaining : undefined;
  };
  const reserve = async (): Promise<string> => {
    const { reservation } = await keeper.checks.check(
      checkCall({ tokens: 80, reservationKey: 'r' }),
    );
    expect(await left()).toBe(20);
    return reservation?.id ?? '';
  };
  const settle = (id: string, key = 'k') =>
    other.debits.debit(
      debitCall(key, {
        reservation: { kind: 'id', id },
        tokens: { input: 30n, cachedInput: 0n, output: 0n, reasoning: 0n },
      }),
    );

  it('is corrected once, if the answers are lost and the settle is told again', async () => {
    const id = await reserve();
    transport.mood = 'loses answers';
    expect(await settle(id)).toMatchObject({ late: false, replayed: false });
    expect(await left()).toBe(70);
    transport.mood = 'well';
    const { asked } = transport;
    await eventually('it is told again', () => transport.asked > asked);
    expect(await left()).toBe(70);
    expect(await settle(id)).toMatchObject({ replayed: true });
    expect(await left()).toBe(70);
  });

  it('is corrected when its replica answers again; the debit does not wait for that', async () => {
    const id = await reserve();
    transport.mood = 'deaf';
    expect(await settle(id)).toMatchObject({ replayed: false });
    expect(await left()).toBe(20);
    const release = { subject: SUBJECT, reservation: { kind: 'id', id }, refund: false } as const;
    await expect(other.reservations.release(release)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    const byKey = { kind: 'key', key: 'r' } as const;
    await expect(
      other.reservations.release({ ...release, reservation: byKey }),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    transport.mood = 'well';
    await eventually('the limit is corrected', async () => (await left()) === 70);
  });

  it('is ended by an operator once, who is told when its replica does not answer', async () => {
    const id = await reserve();
    transport.mood = 'deaf';
    await expect(other.roaming.forceRelease(id)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await left()).toBe(20);
    transport.mood = 'loses answers';
    await expect(other.roaming.forceRelease(id)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await left()).toBe(100);
    transport.mood = 'well';
    const ended = { id, scope: SUBJECT.keyId, reservationKey: 'r', state: 'released' };
    expect(await other.roaming.forceRelease(id)).toMatchObject(ended);
    expect(await left()).toBe(100);
    for (const stranger of [id.toLowerCase(), id.replace(/\..*/, ''), `${id}0`, 'r', ''])
      expect(await other.roaming.forceRelease(stranger)).toBeUndefined();
    members = [];
    expect(await other.roaming.forceRelease(id)).toBeUndefined();
  });

  describe('whose replica leaves', () => {
    /** As if the heir had been told what the keeper counted. */
    const inherit = async (): Promise<string> => {
      const id = await reserve();
      await heir.checks.check(checkCall({ tokens: 80, noHold: true }));
      expect(await keeper.roaming.handOver()).toBe(0);
      return id;
    };
    const leave = (): void => {
      members = heirs;
    };

    it('is settled at its heir, once, whoever is asked', async () => {
      const id = await inherit();
      leave();
      expect(await settle(id)).toMatchObject({ late: false, replayed: false });
      expect(await left(heir)).toBe(70);
      expect(await settle(id)).toMatchObject({ replayed: true });
      await expect(settle(id, 'another')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      expect(await left(heir)).toBe(70);
      expect(other.stats().lost).toBe(0);
    });

    it('is released there by its key, and is the one of a check that is repeated there', async () => {
      const id = await inherit();
      leave();
      const again = await heir.checks.check(checkCall({ tokens: 80, reservationKey: 'r' }));
      expect(again).toMatchObject({ isReplayed: true, reservation: { id } });
      const reservation = { kind: 'key', key: 'r' } as const;
      const release = { subject: SUBJECT, reservation, refund: false };
      expect(await other.reservations.release(release)).toMatchObject({ replayed: false });
      expect(await left(heir)).toBe(100);
    });

    it('is changed by nobody on the way, and corrected when it has arrived', async () => {
      const id = await inherit();
      const release = { subject: SUBJECT, reservation: { kind: 'id', id }, refund: false } as const;
      await expect(other.reservations.release(release)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      expect(await settle(id)).toMatchObject({ late: false });
      expect([await left(keeper), await left(heir)]).toEqual([20, 20]);
      leave();
      await eventually('the heir is told', async () => (await left(heir)) === 70);
      expect(other.stats().lost).toBe(0);
    });

    it('is not handed over when it is over, nor taken if the peer tells nonsense', async () => {
      await reserve();
      clock.advance(61_000);
      expect(await keeper.roaming.handOver()).toBe(0);
      const told = { id: 'res_1', scope: SUBJECT.keyId, reservationKey: '', bodyHash: '' };
      const handed = { ...told, expiresAtMs: 0, settledBy: undefined, takes: '[', places: [] };
      expect(heir.own.takeOver(handed)).toBeUndefined();
      expect(heir.stats().size).toBe(0);
    });
  });

  it('is given up when its replica is no member any more, and that is counted', async () => {
    const id = await reserve();
    transport.mood = 'deaf';
    await settle(id);
    members = [];
    await eventually('it is given up', () => other.stats().lost === 1);
    expect(await settle(id, 'another')).toMatchObject({ late: true });
    expect(await left()).toBe(20);
  });
});
