import type { WindowSpec } from '../../src/counters/core/counter.js';
import { scaleOf } from '../../src/common/bucket-scale.js';
import type { Limit } from '../../src/governance/core/model.js';
import { ExactBucket, ExactCounters } from './counter-engine-reference.js';

/** What a limit has counted of one call, as the reference keeps it. */
export interface ExactTake {
  readonly generation: number;
  readonly at: number;
  amount: number;
  /** Of a place: when it comes free. */
  until: number;
}

/** One limit, told what happens, by keeping all of it. Times never decrease. */
export interface ExactLimit {
  /** Whether that much fits. */
  admits(amount: number, at: number): boolean;
  take(take: ExactTake): void;
  /** What was used instead of what was taken. */
  correct(take: ExactTake, actual: number, at: number): void;
  /** It may hold more or less from now on, and what was counted stays. */
  resize(maximum: number): void;
  /** What counts against the maximum. */
  counted(at: number): number;
}

export function exactLimit(limit: Limit): ExactLimit {
  const { kind } = limit.algorithm;
  if (kind === 'token_bucket') return new ExactBucketLimit(limit);
  return kind === 'concurrency' ? new ExactPlaces(limit) : new ExactWindow(limit);
}

export class ExactWindow implements ExactLimit {
  private readonly counters = new ExactCounters();
  private readonly takes: ExactTake[] = [];
  private counter: WindowSpec;
  readonly lengthMs: number;

  constructor({ algorithm, maximum, id: name }: Limit) {
    if (!('window' in algorithm) || algorithm.window.kind !== 'duration')
      throw new Error('the reference knows windows of a duration only');
    const { kind, window } = algorithm;
    this.lengthMs = window.durationMs;
    this.counter = { name, algorithm: kind, window, maximum };
  }

  admits(amount: number, at: number): boolean {
    return this.counted(at) + amount <= this.counter.maximum;
  }

  take(take: ExactTake): void {
    this.takes.push(take);
    this.counters.add([{ counter: this.counter, amount: take.amount, enforced: true }], take.at);
  }

  correct(take: ExactTake, actual: number): void {
    const { name } = this.counter;
    this.counters.correct({ name, windowStart: this.start(take.at), amount: take.amount }, actual);
    take.amount = actual;
  }

  resize(maximum: number): void {
    this.counter = { ...this.counter, maximum };
  }

  counted(at: number): number {
    const [found] = this.counters.read([{ counter: this.counter, amount: 0, enforced: true }], at);
    return found?.counted ?? 0;
  }

  /**
   * By how much a log of every call may differ: what the older window has on the wrong side. Undefined for a
   * window that does not slide, which is exact.
   */
  logged(at: number): { readonly inLog: number; readonly errorMax: number } | undefined {
    if (this.counter.algorithm === 'fixed_window') return undefined;
    const start = this.start(at);
    const older = this.between(start - this.lengthMs, start);
    const elapsed = (at - start) / this.lengthMs;
    const inLog = this.between(at - this.lengthMs + 1, at + 1);
    return { inLog, errorMax: Math.ceil(older * Math.max(elapsed, 1 - elapsed)) };
  }

  private between(from: number, to: number): number {
    return this.takes.reduce(
      (sum, one) => sum + (one.at >= from && one.at < to ? one.amount : 0),
      0,
    );
  }

  private start(at: number): number {
    return Math.floor(at / this.lengthMs) * this.lengthMs;
  }
}

class ExactBucketLimit implements ExactLimit {
  private readonly bucket: ExactBucket;
  private readonly epochMs: number;
  private readonly maximum: number;

  constructor({ algorithm, maximum, id: name }: Limit) {
    if (algorithm.kind !== 'token_bucket') throw new Error('of a bucket');
    const { kind, refillAmount, refillMs } = algorithm;
    this.maximum = maximum;
    this.epochMs = scaleOf({ maximum, refillAmount, refillMs }).epochMs;
    this.bucket = new ExactBucket({ name, algorithm: kind, maximum, refillAmount, refillMs });
  }

  admits(amount: number, at: number): boolean {
    return this.bucket.admits(amount, this.maximum, at);
  }

  take({ amount, at }: ExactTake): void {
    this.bucket.record(amount, at);
  }

  /** Two epochs live; what was unknown was counted in none, and is counted now. */
  correct(take: ExactTake, actual: number, at: number): void {
    const isKept = this.epochOf(at) - this.epochOf(take.at) <= 1;
    if (take.amount === 0 || isKept) this.bucket.record(actual - take.amount, at);
    take.amount = actual;
  }

  /** Its epochs depend on it: not resized here. */
  resize(): void {}

  counted(at: number): number {
    return this.bucket.counted(at);
  }

  private epochOf(at: number): number {
    return Math.floor(at / this.epochMs);
  }
}

class ExactPlaces implements ExactLimit {
  private readonly takes: ExactTake[] = [];

  private maximum: number;

  constructor({ maximum }: Limit) {
    this.maximum = maximum;
  }

  admits(amount: number, at: number): boolean {
    return this.counted(at) + amount <= this.maximum;
  }

  resize(maximum: number): void {
    this.maximum = maximum;
  }

  take(take: ExactTake): void {
    this.takes.push(take);
  }

  correct(take: ExactTake, _actual: number, at: number): void {
    take.until = Math.min(take.until, at);
  }

  counted(at: number): number {
    return this.takes.reduce((sum, one) => sum + (one.until > at ? one.amount : 0), 0);
  }
}
