import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ConnectRequest, ConnectResponse } from '../../src/cluster/core/peer-message.js';
import type {
  HandedReservations,
  ReservationQuestion,
  ReservationStep,
} from '../../src/cluster/core/reservation-change.js';
import type {
  PeerAddress,
  PeerLink,
  PeerLinkListener,
  PeerTransport,
} from '../../src/cluster/peer-transport.js';
import { eventually } from '../support/eventually.js';
import { ownHost } from '../support/own-host.js';

/** Keeps what a link tells. */
class Heard<In extends ConnectRequest | ConnectResponse> implements PeerLinkListener<In> {
  readonly messages: In[] = [];
  readonly ends: string[] = [];
  message = (message: In) => void this.messages.push(message);
  closed = (error: string) => void this.ends.push(error);
}

/** Nobody waits for it to pass: a machine that is busy with something else may need more than some seconds. */
const TIMEOUT_MS = 30_000;
/** Where a server that comes back finds its port free. */
const HOST = ownHost();
const SOURCE = { replicaId: 'weir-1', bootId: 'b1', region: 'us' };
const hint = (version: number): ConnectRequest => ({ kind: 'policyHint', version });

const byId = { kind: 'id', id: 'res_1.0123456789abcdef' } as const;
const questionOf = (step: ReservationStep, over: Partial<ReservationQuestion> = {}) => ({
  bootId: '0123456789abcdef',
  scope: 'vk_1',
  name: byId,
  besideBudget: false,
  step,
  ...over,
});
const settle = { kind: 'settle', idempotencyKey: 'k' } as const;
const handed = {
  id: byId.id,
  scope: 'vk_1',
  reservationKey: 'ü',
  bodyHash: 'h',
  expiresAtMs: 1_700_000_000_000,
  takes: '[["lim_1/1",0,5]]',
};
const HANDED: HandedReservations = {
  bootId: '0123456789abcdef',
  copies: [{ ...handed, settledBy: undefined, places: [{ holdId: 3, endsAtMs: 1 }] }],
  reservations: [
    { ...handed, settledBy: undefined, places: [] },
    { ...handed, scope: '', settledBy: '', places: [{ holdId: 2 ** 52, endsAtMs: 0 }] },
    {
      ...handed,
      reservationKey: '',
      settledBy: 'k',
      places: [
        { holdId: 1, endsAtMs: 1_700_000_000_000 },
        { holdId: 2, endsAtMs: 1_700_000_000_001 },
      ],
    },
  ],
};
const QUESTIONS = [
  questionOf({ kind: 'begin', idempotencyKey: 'k' }),
  questionOf({ ...settle, tokens: undefined, amountNanos: 2 ** 53 - 1 }, { besideBudget: true }),
  questionOf({ ...settle, tokens: 0, amountNanos: 0 }, { name: { kind: 'key', key: 'ü' } }),
  questionOf({ kind: 'abandon', idempotencyKey: 'k' }, { scope: '' }),
  questionOf({ kind: 'release', refund: true }),
  questionOf({ kind: 'extend', ttlMs: 60_000 }),
  questionOf({ kind: 'forceRelease' }, { scope: '' }),
  questionOf({ kind: 'endPlaces' }, { besideBudget: true }),
] as const;
const kept = { id: byId.id, scope: 'vk_1', reservationKey: 'ü', expiresAtMs: 1_700_000_000_000 };
const ANSWERS = [
  {
    kind: 'done',
    isLate: true,
    isReplayed: false,
    reservation: { ...kept, state: 'committed' },
  },
  { kind: 'done', isLate: false, isReplayed: true, reservation: { ...kept, state: 'held' } },
  { kind: 'ended', reservation: { ...kept, state: 'released' } },
  { kind: 'ended', reservation: { ...kept, state: 'expired' } },
] as const;

/** `make` gives transports that can reach each other. */
export function peerTransportContract(make: () => PeerTransport): void {
  let server: PeerTransport;
  let client: PeerTransport;
  let address: PeerAddress;
  const accepted: {
    link: PeerLink<ConnectResponse>;
    heard: Heard<ConnectRequest>;
    remote: string;
  }[] = [];

  beforeEach(async () => {
    accepted.length = 0;
    server = make();
    client = make();
    address = await server.listen(
      { host: HOST, port: 0 },
      {
        accepted(link, remote) {
          const heard = new Heard<ConnectRequest>();
          accepted.push({ link, heard, remote });
          return heard;
        },
      },
    );
  });

  afterEach(async () => {
    await client.close();
    await server.close();
  });

  /** A link, and its other end. */
  async function connect() {
    const heard = new Heard<ConnectResponse>();
    accepted.length = 0;
    const link = await client.open(address, heard, TIMEOUT_MS);
    link.send(hint(0));
    await eventually('the peer hears', () => accepted.at(-1)?.heard.messages.length === 1);
    const other = accepted.at(-1);
    if (other === undefined) throw new Error('was accepted');
    return { link, heard, other };
  }

  it('gives the port that it took, and says who connects', async () => {
    expect(address.port).toBeGreaterThan(0);
    const { other } = await connect();
    expect(other.remote).not.toBe('');
  });

  it('keeps the order of messages, both ways', async () => {
    const { link, heard, other } = await connect();
    for (let version = 1; version <= 200; version++) link.send(hint(version));
    for (let token = 0; token < 200; token++)
      other.link.send({ kind: 'holdChanged', token, wasHeld: token % 2 === 0 });
    const areThere = () => other.heard.messages.length > 200 && heard.messages.length > 199;
    await eventually('all have arrived', areThere);
    expect(other.heard.messages).toEqual(Array.from({ length: 201 }, (_, i) => hint(i)));
    expect(heard.messages.at(-1)).toEqual({ kind: 'holdChanged', token: 199, wasHeld: false });
  });

  it('carries a delta as it is', async () => {
    const { link, other } = await connect();
    const delta: ConnectRequest = {
      kind: 'delta',
      feed: 'foreign',
      from: 3,
      to: 2 ** 52,
      isComplete: true,
      isState: true,
      entries: Uint8Array.of(0, 255, 7),
      sentAtMs: 1_700_000_000_000,
      known: [{ source: SOURCE, through: 3, seen: 2 ** 52 }],
      silenceMs: 2 ** 40,
    };
    link.send(delta);
    await eventually('the delta arrives', () => other.heard.messages.length === 2);
    const last = other.heard.messages.at(-1);
    if (last?.kind !== 'delta') throw new Error('a delta was sent');
    expect({ ...last, entries: [...last.entries] }).toEqual({ ...delta, entries: [0, 255, 7] });
  });

  it('tells the peer that a link was closed, and nothing to who closed it', async () => {
    const { link, heard, other } = await connect();
    link.close();
    await eventually('the end is told', () => other.heard.ends.length === 1);
    link.send(hint(1));
    other.link.send({ kind: 'holdChanged', token: 1, wasHeld: true });
    const second = await connect();
    expect(second.other.heard.messages).toEqual([hint(0)]);
    expect(heard).toMatchObject({ messages: [], ends: [] });
    expect(other.heard.messages).toEqual([hint(0)]);
  });

  it('tells who opened a link that the peer has closed it', async () => {
    const { heard, other } = await connect();
    other.link.close();
    await eventually('the end is told', () => heard.ends.length === 1);
    expect(other.heard.ends).toEqual([]);
  });

  it('carries questions and answers as they are, with nobody to answer at first', async () => {
    expect(await client.ask(address, QUESTIONS[0], TIMEOUT_MS)).toEqual({ kind: 'unknown' });
    const asked: ReservationQuestion[] = [];
    const answers = [...ANSWERS];
    server.onQuestion((question) => {
      asked.push(question);
      return answers.shift() ?? { kind: 'unknown' };
    });
    for (const [i, question] of QUESTIONS.entries())
      expect(await client.ask(address, question, TIMEOUT_MS)).toEqual(
        ANSWERS[i] ?? { kind: 'unknown' },
      );
    expect(asked).toEqual(QUESTIONS);
  });

  it('says that it is not answered, and is when it is asked again', async () => {
    const answers = [undefined, ANSWERS[0]];
    server.onQuestion(() => answers.shift());
    await expect(client.ask(address, QUESTIONS[0], TIMEOUT_MS)).rejects.toThrow();
    expect(await client.ask(address, QUESTIONS[0], TIMEOUT_MS)).toEqual(ANSWERS[0]);
  });

  it('carries what a peer is to keep, with nobody to take it at first', async () => {
    const nothing = { taken: 0, placesTaken: [] };
    expect(await client.handOver(address, HANDED, TIMEOUT_MS)).toEqual(nothing);
    const told: HandedReservations[] = [];
    const taken = { taken: 2, placesTaken: [2 ** 52, 1] };
    const answers = [taken, undefined];
    server.onHandOver((one) => {
      told.push(one);
      return answers.shift();
    });
    expect(await client.handOver(address, HANDED, TIMEOUT_MS)).toEqual(taken);
    expect(told).toEqual([HANDED]);
    await expect(client.handOver(address, HANDED, TIMEOUT_MS)).rejects.toThrow();
    await server.close();
    await expect(client.handOver(address, HANDED, TIMEOUT_MS)).rejects.toThrow();
  });

  it('says that nobody answers, and asks again at once when somebody does', async () => {
    await server.close();
    await expect(client.ask(address, QUESTIONS[0], TIMEOUT_MS)).rejects.toThrow();
    const again = make();
    try {
      await again.listen(address, { accepted: () => new Heard<ConnectRequest>() });
      again.onQuestion(() => ANSWERS[0]);
      expect(await client.ask(address, QUESTIONS[0], TIMEOUT_MS)).toEqual(ANSWERS[0]);
    } finally {
      await again.close();
    }
  });

  it('fails to open where nobody listens', async () => {
    await server.close();
    await expect(client.open(address, new Heard(), TIMEOUT_MS)).rejects.toThrow();
  });

  it('cuts its links when it is closed, which the peers are told', async () => {
    const { heard } = await connect();
    await server.close();
    await eventually('the end is told', () => heard.ends.length === 1);
  });
}
