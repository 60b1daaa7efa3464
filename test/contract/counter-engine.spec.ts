import { describe } from '@jest/globals';
import { LocalCounterEngine } from '../../src/counters/local-counter-engine.js';
import { ReplicatedCounterEngine } from '../../src/counters/replicated-counter-engine.js';
import { CounterPlace } from '../../src/counters/core/counter-place.js';
import type { CounterSpec, Demand } from '../../src/counters/core/counter.js';
import { counterEngineContract } from './counter-engine.contract.js';

/** Engines with one key can read each other's checkpoints. */
const KEY = { k0: 1, k1: 2 };

/** Each engine is another run of the replica, as it is where one restores what an earlier one wrote. */
let runs = 0;
const nextRun = () => ({ replicaId: 'weir-0', bootId: String(runs++), region: '' });

/** As `quota` asks: each counter has a place, which goes from engine to engine here, and from run to run. */
const places = new Map<string, CounterPlace>();

function placed(counter: CounterSpec): CounterSpec {
  const name = `${counter.algorithm} ${counter.name}`;
  const place = places.get(name) ?? new CounterPlace();
  places.set(name, place);
  return { ...counter, place };
}

const placedAll = (demands: readonly Demand[]): readonly Demand[] =>
  demands.map((demand) => ({ ...demand, counter: placed(demand.counter) }));

class PlacingEngine extends LocalCounterEngine {
  override take(...[demands, now]: Parameters<LocalCounterEngine['take']>) {
    return super.take(placedAll(demands), now);
  }

  override add(...[demands, now]: Parameters<LocalCounterEngine['add']>) {
    return super.add(placedAll(demands), now);
  }

  override read(...[demands, now]: Parameters<LocalCounterEngine['read']>) {
    return super.read(placedAll(demands), now);
  }
}

describe('local counter engine, asked with places', () => {
  counterEngineContract((limits) => new PlacingEngine(limits, KEY));
});

describe('local counter engine', () => {
  counterEngineContract((limits) => new LocalCounterEngine(limits, KEY));
});

describe('replicated counter engine, alone', () => {
  counterEngineContract((limits) => new ReplicatedCounterEngine(limits, KEY, nextRun()));
});
