import { describe, expect, it, jest } from '@jest/globals';
import { Clock } from '../common/clock.js';
import { RecordingLog } from '../../test/support/recording-log.js';
import { silentLog } from '../common/log.js';
import { monoMs, wallMs } from '../common/time.js';
import { CountersConfig } from '../config/counters-config.js';
import { WeirConfig } from '../config/weir-config.js';
import { CheckpointDriver } from './checkpoint.driver.js';
import type { CheckpointSlot } from './checkpoint-store.js';
import type { Checkpoint } from './core/checkpoint.js';
import type { WindowSpec } from './core/counter.js';
import { LocalCounterEngine } from './local-counter-engine.js';
import { MemoryCheckpointStore } from './memory-checkpoint-store.js';
import { ReplicatedCounterEngine } from './replicated-counter-engine.js';

const HOUR = 3_600_000;
/** The start of an hour. */
const START = 472_223 * HOUR;
const MINUTE = 60_000;

class HandClock extends Clock {
  wall = START;
  mono = 0;
  wallNow = () => wallMs(this.wall);
  monoNow = () => monoMs(this.mono);

  pass(ms: number): void {
    this.wall += ms;
    this.mono += ms;
  }
}

/** Can be away, and can be watched. */
class FragileStore extends MemoryCheckpointStore {
  isAway = false;
  isSilent = false;
  writes: number[] = [];

  override async save(slot: CheckpointSlot, checkpoint: Checkpoint): Promise<boolean> {
    if (this.isSilent) return new Promise(() => undefined);
    if (this.isAway) throw new Error('away');
    this.writes.push(checkpoint.rows.length);
    return super.save(slot, checkpoint);
  }
}

const hourly = (name = 'hourly'): WindowSpec => ({
  name,
  algorithm: 'fixed_window',
  window: { kind: 'duration', durationMs: HOUR, anchorMs: 0 },
  maximum: 100,
});

interface Scene {
  readonly clock: HandClock;
  readonly store: FragileStore;
}

function open(): Scene {
  const clock = new HandClock();
  return { clock, store: new FragileStore(clock) };
}

/** A process, started. */
async function start({ clock, store }: Scene, folder = 'a', { k1 = 2, log = silentLog } = {}) {
  const config = Object.assign(new WeirConfig(), {
    journal: { dataDir: folder },
    storage: { postgres: { host: 'db' } },
    counters: new CountersConfig(),
  });
  const engine = new LocalCounterEngine({ liveMax: 100_000 }, { k0: 1, k1 });
  const driver = new CheckpointDriver(store, engine, clock, log, config);
  await driver.onModuleInit();
  const count = (amount: number, counter = hourly()): void => {
    engine.add([{ counter, amount, enforced: true }], clock.wallNow());
  };
  const counted = (counter = hourly()): number | undefined =>
    engine.read([{ counter, amount: 0, enforced: true }], clock.wallNow())[0]?.counted;
  return { driver, engine, count, counted };
}

describe('CheckpointDriver', () => {
  it('forgets nothing at a stop, and what came after the last round when it is killed', async () => {
    const scene = open();
    const first = await start(scene);
    first.count(30);
    await first.driver.onApplicationShutdown();
    const second = await start(scene);
    expect(second.counted()).toBe(30);
    second.count(5);
    await second.driver.run();
    second.count(2);
    const third = await start(scene);
    expect(third.counted()).toBe(35);
    expect(third.driver.state().rowsRestored).toBe(1);
  });

  it('says that it passes over what was saved in another format, or under another key', async () => {
    const scene = open();
    const log = new RecordingLog();
    const first = await start(scene, 'a', { log });
    first.count(30);
    await first.driver.onApplicationShutdown();
    expect(log.lines).toEqual([]);
    const second = await start(scene, 'a', { k1: 3, log });
    expect(second.counted()).toBe(0);
    expect(log.lines).toEqual([expect.stringMatching(/^warn.*passed over.*"runs":1/s)]);
    // It is there still for whoever it is of use to.
    expect((await start(scene, 'b')).counted()).toBe(30);
  });

  it('lets each of two replicas that live go on from what it counted itself', async () => {
    const scene = open();
    const [a, b] = [await start(scene, 'a'), await start(scene, 'b')];
    a.count(30);
    b.count(7);
    await a.driver.run();
    await b.driver.run();
    expect((await start(scene, 'b')).counted()).toBe(7);
    expect((await start(scene, 'a')).counted()).toBe(30);
  });

  it('lets a replica with a new name go on where one that has left stopped', async () => {
    const scene = open();
    const old = await start(scene, 'old');
    old.count(30);
    await old.driver.onApplicationShutdown();
    expect((await start(scene, 'new')).counted()).toBe(30);
    expect((await start(scene, 'other')).counted()).toBe(0);
  });

  it('goes on while the store is away, and writes later what it could not', async () => {
    const scene = open();
    const { driver, count } = await start(scene);
    jest.useFakeTimers({ doNotFake: ['performance'] });
    driver.onApplicationBootstrap();
    count(30);
    scene.store.isAway = true;
    scene.clock.pass(5_000);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(driver.state()).toMatchObject({ failures: 1, rowsWritten: 0, ageMs: 5_000 });
    count(1);
    scene.store.isAway = false;
    await jest.advanceTimersByTimeAsync(5_000);
    jest.useRealTimers();
    expect(driver.state()).toMatchObject({ failures: 1, ageMs: 0 });
    expect((await start(scene)).counted()).toBe(31);
  });

  it('ends although the store does not answer', async () => {
    const scene = open();
    const { driver, count } = await start(scene);
    count(1);
    scene.store.isSilent = true;
    jest.useFakeTimers({ doNotFake: ['performance'] });
    const ended = driver.onApplicationShutdown();
    await jest.advanceTimersByTimeAsync(5_000);
    await ended;
    jest.useRealTimers();
  });

  it('writes many rows in bounded steps', async () => {
    const scene = open();
    const { driver, count } = await start(scene);
    for (let i = 0; i < 4_500; i++) count(1, hourly(`hourly-${i}`));
    await driver.run();
    expect(scene.store.writes).toEqual([2_000, 2_000, 500]);
    expect((await start(scene)).driver.state().rowsRestored).toBe(4_500);
  });

  it('writes everything anew when another has taken its slot', async () => {
    const scene = open();
    const a = await start(scene, 'a');
    a.count(30);
    await a.driver.run();
    scene.clock.pass(15_001);
    const heir = await start(scene, 'b');
    expect(heir.counted()).toBe(30);
    await heir.driver.run();
    await a.driver.run();
    expect((await start(scene, 'a')).counted()).toBe(30);
  });

  it('waits for a clock that was stepped back by minutes meanwhile', async () => {
    const scene = open();
    const first = await start(scene);
    first.count(30);
    await first.driver.run();
    scene.clock.pass(-4 * MINUTE);
    const second = await start(scene);
    expect(second.counted()).toBe(30);
    expect(second.engine.stats().clockBehindMs).toBe(4 * MINUTE);
    second.count(5);
    scene.clock.pass(5 * MINUTE);
    expect(second.counted()).toBe(35);
  });

  it('does not wait for a clock that was wrong by more', async () => {
    const scene = open();
    const first = await start(scene);
    scene.clock.pass(48 * HOUR);
    first.count(30);
    await first.driver.run();
    scene.clock.pass(-48 * HOUR);
    const second = await start(scene);
    expect(second.counted()).toBe(0);
    expect(second.engine.stats().clockBehindMs).toBe(0);
  });

  it('passes over what has ended when the clock was stepped forth', async () => {
    const scene = open();
    const first = await start(scene);
    first.count(30);
    await first.driver.run();
    scene.clock.pass(HOUR);
    const second = await start(scene);
    expect(second.counted()).toBe(0);
    expect(second.driver.state().rowsRestored).toBe(0);
  });
});

describe('CheckpointDriver of replicas that count together', () => {
  let boots = 0;

  /** A run of a replica, started; it hears nothing from its peers. */
  async function boot({ clock, store }: Scene, replicaId: string) {
    const source = { replicaId, bootId: String(boots++), region: '' };
    const engine = new ReplicatedCounterEngine({ liveMax: 1_000 }, { k0: 1, k1: 2 }, source);
    const driver = new CheckpointDriver(store, engine, clock, silentLog, new WeirConfig());
    await driver.onModuleInit();
    const demand = { counter: hourly(), amount: 0, enforced: true };
    return {
      driver,
      count: (amount: number) => engine.add([{ ...demand, amount }], clock.wallNow()),
      counted: () => engine.read([demand], clock.wallNow())[0]?.counted,
    };
  }

  it('restores what all of them had counted, once, however often they restart', async () => {
    const scene = open();
    const [a, b] = [await boot(scene, 'a'), await boot(scene, 'b')];
    a.count(30);
    b.count(7);
    await a.driver.onApplicationShutdown();
    await b.driver.onApplicationShutdown();
    const again = await boot(scene, 'a');
    expect(again.counted()).toBe(37);
    again.count(5);
    await again.driver.onApplicationShutdown();
    expect((await boot(scene, 'b')).counted()).toBe(42);
    expect((await boot(scene, 'c')).counted()).toBe(42);
  });
});
