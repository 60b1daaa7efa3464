import type { BucketSpec, CounterSpec, Demand } from '../../src/counters/core/counter.js';

interface Fact {
  readonly name: string;
  readonly windowStart: number;
  readonly amount: number;
}

interface Found {
  readonly counted: number;
  readonly admits: boolean;
}

/**
 * Counts by keeping every fact and adding all of them up each time, in rational numbers. Knows
 * windows of a duration only. It shares no arithmetic with the engines.
 */
export class ExactCounters {
  private facts: Fact[] = [];
  private latest = 0;

  advance(now: number): number {
    this.latest = Math.max(this.latest, now);
    return this.latest;
  }

  read(demands: readonly Demand[], now: number): Found[] {
    const at = this.advance(now);
    return demands.map(({ counter, amount }, i) => {
      const before = demands.slice(0, i).filter((d) => d.counter.name === counter.name);
      const counted =
        this.estimate(counter, at) + before.reduce((sum, demand) => sum + demand.amount, 0);
      return { counted, admits: counted + amount <= counter.maximum };
    });
  }

  take(demands: readonly Demand[], now: number): Found[] | undefined {
    const found = this.read(demands, now);
    if (demands.some(({ enforced }, i) => enforced && found[i]?.admits === false)) return undefined;
    this.add(demands, now);
    return found;
  }

  add(demands: readonly Demand[], now: number): void {
    const at = this.advance(now);
    for (const { counter, amount } of demands)
      this.facts.push({ name: counter.name, windowStart: windowStart(counter, at), amount });
  }

  giveBack(facts: readonly Fact[]): void {
    this.facts.push(...facts.map((fact) => ({ ...fact, amount: -fact.amount })));
  }

  correct(fact: Fact, actual: number): void {
    this.facts.push({ ...fact, amount: actual - fact.amount });
  }

  /** By trying every millisecond. */
  fitsAfterMs({ counter, amount }: Demand, now: number): number | undefined {
    if (amount > counter.maximum) return undefined;
    let at = this.advance(now);
    while (this.estimate(counter, at) + amount > counter.maximum) at += 1;
    return at - this.latest;
  }

  private estimate(counter: CounterSpec, now: number): number {
    const start = windowStart(counter, now);
    const current = this.sum(counter.name, start);
    if (counter.algorithm === 'fixed_window') return Number(current);
    const length = durationOf(counter).durationMs;
    const left = BigInt(start + length - now);
    const faded = this.sum(counter.name, start - length) * left;
    return Number(current + (faded + BigInt(length) - 1n) / BigInt(length));
  }

  private sum(name: string, start: number): bigint {
    let sum = 0n;
    for (const fact of this.facts)
      if (fact.name === name && fact.windowStart === start) sum += BigInt(fact.amount);
    return sum > 0n ? sum : 0n;
  }
}

function durationOf(counter: CounterSpec): {
  readonly durationMs: number;
  readonly anchorMs: number;
} {
  if ('window' in counter && counter.window.kind === 'duration') return counter.window;
  throw new Error('the reference knows windows of a duration only');
}

function windowStart(counter: CounterSpec, now: number): number {
  const { durationMs, anchorMs } = durationOf(counter);
  return anchorMs + Math.floor((now - anchorMs) / durationMs) * durationMs;
}

/** What is missing from a token bucket, by playing back all that ever happened to it, in fractions. */
export class ExactBucket {
  private readonly facts: { readonly at: number; readonly amount: number }[] = [];

  constructor(private readonly spec: BucketSpec) {}

  record(amount: number, at: number): void {
    this.facts.push({ at, amount });
  }

  counted(now: number): number {
    const missing = this.missing(now);
    const token = BigInt(this.spec.refillMs);
    return Number((missing + token - 1n) / token);
  }

  admits(amount: number, maximum: number, now: number): boolean {
    const token = BigInt(this.spec.refillMs);
    return this.missing(now) + BigInt(amount) * token <= BigInt(maximum) * token;
  }

  /** In parts of a token: refillMs of them are one. */
  private missing(now: number): bigint {
    let missing = 0n;
    let at = 0;
    for (const fact of [...this.facts, { at: now, amount: 0 }]) {
      missing = atLeastZero(missing - BigInt(fact.at - at) * BigInt(this.spec.refillAmount));
      missing = atLeastZero(missing + BigInt(fact.amount) * BigInt(this.spec.refillMs));
      at = fact.at;
    }
    return missing;
  }
}

const atLeastZero = (value: bigint): bigint => (value > 0n ? value : 0n);
