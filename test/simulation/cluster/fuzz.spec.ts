/**
 * Goal: nothing that a peer sends makes a replica throw, changes what it has counted itself, or makes it count
 * what nobody said. Method: real messages and entries, cut at each byte, mutated and crossed, into decoders, engine
 * and machine.
 */
import { describe, expect, it } from '@jest/globals';
import { ConnectRequest, ConnectResponse } from '../../../src/gen/weir/peer/v1/peer_service.js';
import type { PeerMessage } from '../../../src/cluster/core/peer-message.js';
import {
  requestFromProto,
  requestToProto,
  responseFromProto,
} from '../../../src/cluster/peer-proto.js';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { wallMs } from '../../../src/common/time.js';
import type { CounterSpec } from '../../../src/counters/core/counter.js';
import { ReplicatedCounterEngine } from '../../../src/counters/replicated-counter-engine.js';
import { mutate } from '../gossip/mutator.js';
import { type Knowledge, readInto } from './entries-of.js';
import { EPOCH, KEY, SimulatedReplicas } from './simulated-replicas.js';

const SEED = Number(process.env['SEED'] ?? 7);
const INPUTS = 5_000;
const NOW = wallMs(EPOCH + 1_000);
const window = { kind: 'duration', durationMs: 60_000, anchorMs: 0 } as const;
const COUNTERS: readonly CounterSpec[] = [
  { name: 'lim_1/1', algorithm: 'fixed_window', window, maximum: 1_000 },
  { name: 'lim_2/1', algorithm: 'sliding_window', window, maximum: 1_000 },
  { name: 'lim_3/1', algorithm: 'token_bucket', maximum: 50, refillAmount: 1, refillMs: 1_000 },
  { name: 'lim_4/1', algorithm: 'concurrency', maximum: 30, holdMs: 2_000 },
];
const sourceOf = (replicaId: string) => ({ replicaId, bootId: 'b1', region: 'eu' });
const engineOf = (replicaId: string) =>
  new ReplicatedCounterEngine({ liveMax: 1_000, entriesMax: 1_000 }, KEY, sourceOf(replicaId));

function counting(replicaId: string, times: number): ReplicatedCounterEngine {
  const engine = engineOf(replicaId);
  for (let i = 0; i < times; i++)
    engine.take(
      COUNTERS.map((counter) => ({ counter, amount: 1, enforced: true })),
      NOW,
    );
  return engine;
}

const countsOf = (engine: ReplicatedCounterEngine): readonly number[] =>
  engine
    .read(
      COUNTERS.map((counter) => ({ counter, amount: 0, enforced: true })),
      NOW,
    )
    .map(({ counted }) => counted);

const blockOf = (engine: ReplicatedCounterEngine): Uint8Array =>
  engine.store.collect('own', 0, 1_000_000).entries;

/** What it says that it has counted itself. The level of a bucket is not its own. */
function ownOf(engine: ReplicatedCounterEngine): Knowledge {
  const own: Knowledge = new Map();
  readInto(own, blockOf(engine), sourceOf('own'));
  return own;
}

const merge = (engine: ReplicatedCounterEngine, entries: Uint8Array) =>
  engine.store.merge(entries, { source: sourceOf('peer'), isState: true, gapMs: 0 }, NOW);

describe('entries from a peer', () => {
  const block = blockOf(counting('peer', 7));

  it('count no more than they say when they are cut, at whatever byte', () => {
    const whole = engineOf('whole');
    expect(merge(whole, block)).toEqual({ entries: COUNTERS.length, refused: 0, isSound: true });
    const most = countsOf(whole);
    expect(most).toEqual([7, 7, 7, 7]);
    for (let at = 0; at < block.length; at++) {
      const engine = engineOf('cut');
      merge(engine, block.subarray(0, at));
      countsOf(engine).forEach((counted, i) => expect([0, most[i]]).toContain(counted));
      merge(engine, block);
      expect(countsOf(engine)).toEqual(most);
    }
  });

  it(`never throw, and never change what was counted here (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    const engine = counting('here', 3);
    const other = blockOf(engine);
    const own = ownOf(engine);
    let sound = 0;
    for (let i = 0; i < INPUTS; i++) {
      const outcome = merge(engine, mutate(block, other, random));
      if (outcome.isSound) sound += 1;
    }
    expect(sound).toBeGreaterThan(0);
    expect(sound).toBeLessThan(INPUTS);
    expect(ownOf(engine)).toEqual(own);
    expect(engine.stats().live).toBeLessThanOrEqual(1_000 + COUNTERS.length);
    for (const counted of countsOf(engine)) expect(counted).toBeGreaterThanOrEqual(0);
  });
});

describe('messages from a peer', () => {
  it(`never make a machine throw, and count nothing before a greeting (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    const cluster = new SimulatedReplicas(random, { liveMax: 1_000 });
    const messages: PeerMessage[] = [];
    cluster.watch = {
      sent: (_, message) => void messages.push(message),
      received: () => undefined,
      pulled: () => undefined,
      heard: () => undefined,
      joined: () => undefined,
      skewed: () => undefined,
      flushed: () => undefined,
    };
    for (const region of ['eu', 'eu', 'us', 'us']) cluster.add(region);
    for (let i = 0; i < 10; i++) {
      for (const { engine } of cluster.replicas)
        engine.take(
          COUNTERS.map((counter) => ({ counter, amount: 1, enforced: true })),
          NOW,
        );
      cluster.run(300);
    }
    const pool = messages.flatMap((message) =>
      isRequest(message) ? [ConnectRequest.encode(requestToProto(message)).finish()] : [],
    );
    const [here] = cluster.replicas;
    if (here === undefined || pool.length < 50) throw new Error('there was traffic');
    const before = countsOf(here.engine);
    const own = ownOf(here.engine);
    let given = 0;
    for (let i = 0; i < INPUTS; i++) {
      const pick = () => pool[random.below(pool.length)] ?? new Uint8Array(0);
      const bytes = mutate(pick(), pick(), random);
      const stream = here.lastAccepted - 1 - i;
      here.machine.handle({ kind: 'accepted', stream }, cluster.instantOf(here));
      for (const message of [decoded(bytes), answered(bytes)]) {
        if (message === undefined || message.kind === 'hello') continue;
        given += 1;
        here.machine.handle({ kind: 'message', stream, message }, cluster.instantOf(here));
      }
      here.machine.handle({ kind: 'closed', stream, error: 'over' }, cluster.instantOf(here));
    }
    expect(given).toBeGreaterThan(1_000);
    expect(countsOf(here.engine)).toEqual(before);
    expect(ownOf(here.engine)).toEqual(own);
  });
});

const ASKED: readonly string[] = [
  'hello',
  'delta',
  'digest',
  'stateRequest',
  'holdChange',
  'policyHint',
];

const isRequest = (message: PeerMessage): message is Parameters<typeof requestToProto>[0] =>
  ASKED.includes(message.kind);

/** What is no message is refused by the wire, before anybody here sees it. */
function decoded(bytes: Uint8Array): PeerMessage | undefined {
  const read = parsed(() => ConnectRequest.decode(bytes));
  return read && requestFromProto(read);
}

function answered(bytes: Uint8Array): PeerMessage | undefined {
  const read = parsed(() => ConnectResponse.decode(bytes));
  return read && responseFromProto(read);
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return undefined;
  }
}
