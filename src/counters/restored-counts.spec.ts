import { describe, expect, it } from '@jest/globals';
import { wallMs } from '../common/time.js';
import { Algorithms } from './core/algorithms.js';
import type { Checkpoint } from './core/checkpoint.js';
import { Checkpointer } from './core/checkpointer.js';
import type { BucketSpec, CounterSpec, WindowSpec } from './core/counter.js';
import { Fingerprinter } from './core/fingerprint.js';
import { Population } from './core/population.js';
import { ReplicatedCounterEngine } from './replicated-counter-engine.js';

const KEY = { k0: 11, k1: 22 };
const HOUR = 3_600_000;
const NOW = wallMs(472_223 * HOUR);

const everywhere: WindowSpec = {
  name: 'everywhere/1',
  algorithm: 'fixed_window',
  window: { kind: 'duration', durationMs: HOUR, anchorMs: 0 },
  maximum: 100,
};
const inEurope: WindowSpec = { ...everywhere, name: 'apart/1@eu', scope: 'region' };
const bucketInEurope: BucketSpec = {
  name: 'bucket/1@eu',
  algorithm: 'token_bucket',
  maximum: 100,
  refillAmount: 1,
  refillMs: HOUR,
  scope: 'region',
};
const ALL = [everywhere, inEurope, bucketInEurope] as const;

const engineOf = (bootId: string, region: string) =>
  new ReplicatedCounterEngine({ liveMax: 100 }, KEY, { replicaId: 'a', bootId, region });

const counted = (engine: ReplicatedCounterEngine, counter: CounterSpec): number =>
  engine.read([{ counter, amount: 0, enforced: true }], NOW)[0]?.counted ?? 0;

/** Of a run in Europe that has taken one of each. */
function saved(): Checkpoint {
  const engine = engineOf('1', 'eu');
  engine.take(
    ALL.map((counter) => ({ counter, amount: 1, enforced: true })),
    NOW,
  );
  return engine.checkpoint(10);
}

/** As relay of its region: what it tells others when it has taken that up. */
function toldAbroad(checkpoint: Checkpoint, bootId: string): ReplicatedCounterEngine {
  const relay = engineOf(bootId, 'eu');
  relay.restore(checkpoint, NOW);
  relay.store.setRelay(true);
  const abroad = engineOf('3', 'us');
  const { entries } = relay.store.collect('region', 0, 10_000);
  const source = { replicaId: 'a', bootId, region: 'eu' };
  abroad.store.merge(entries, { source, isState: true, gapMs: 0 }, NOW);
  return abroad;
}

describe('what an engine takes up of counts that are of one region', () => {
  it('is told in that region only', () => {
    const checkpoint = saved();
    expect(checkpoint.rows).toHaveLength(3);
    const neighbour = engineOf('2', 'eu');
    neighbour.restore(checkpoint, NOW);
    expect(ALL.map((counter) => counted(neighbour, counter))).toEqual([1, 1, 1]);
    const abroad = toldAbroad(checkpoint, '2');
    expect(ALL.map((counter) => counted(abroad, counter))).toEqual([1, 0, 0]);
    expect(abroad.stats().live).toBe(1);
  });

  it('is passed over in another one', () => {
    const abroad = engineOf('2', 'us');
    abroad.restore(saved(), NOW);
    expect(ALL.map((counter) => counted(abroad, counter))).toEqual([1, 0, 0]);
    expect(abroad.stats().live).toBe(1);
  });

  it('is told everywhere if the release that saved it did not say so', () => {
    const { rows, ...checkpoint } = saved();
    const untold = rows.map((row) => ({ ...row, isRegional: undefined }));
    const abroad = toldAbroad({ ...checkpoint, rows: untold }, '2');
    expect(abroad.stats().live).toBe(3);
  });
});

describe('what is saved in another format of counts', () => {
  it('is of no use', () => {
    const { rows } = saved();
    const ofFormat = (format: number) =>
      new Checkpointer(
        new Algorithms(new Population(10), undefined),
        new Fingerprinter(KEY),
        undefined,
        format,
      );
    const [first, second] = [ofFormat(1), ofFormat(2)];
    expect(first.keyCheck).not.toBe(second.keyCheck);
    // That of the releases before there was a number.
    expect(first.keyCheck).toBe(engineOf('1', 'eu').keyCheck);
    const { keyCheck } = first;
    expect(first.ofUse({ keyCheck, rows }, NOW)).toHaveLength(3);
    expect(second.ofUse({ keyCheck, rows }, NOW)).toEqual([]);
  });
});
