import { describe, expect, it } from '@jest/globals';
import { wallMs } from '../../common/time.js';
import {
  type BudgetQuestion,
  budgetVerdict,
  type BudgetState,
  JUST_LOOKING,
} from './budget-verdict.js';
import { limitRefusal, limitVerdict } from './limit-verdict.js';

const policy = {
  policyId: 'p',
  policyName: 'p',
  owner: { kind: 'team' as const, id: 't' },
  shadow: false,
};
const interval = { start: wallMs(0), end: wallMs(60_000) };
const now = wallMs(20_000);

describe('limitVerdict', () => {
  const limit = { ...policy, unit: 'requests' as const, maximum: 10, isConcurrency: false };
  const refusedReading = {
    window: interval,
    counted: 10,
    remaining: 0,
    admits: false,
    retryAfterMs: 40_000,
  };

  it('has room if the counter admits', () => {
    const reading = { ...refusedReading, counted: 4, remaining: 6, admits: true };
    const verdict = limitVerdict(limit, reading, undefined, undefined);
    expect(verdict).toEqual({ kind: 'limit', policy: limit, interval, remaining: 6, held: 0 });
  });

  it('of concurrency says what is held, and is refused by those who hold it', () => {
    const places = { ...limit, isConcurrency: true };
    const refusal = limitRefusal(places, refusedReading, 1, 0);
    expect(refusal).toEqual({ reason: 'HELD_BY_OTHERS', retryAfterMs: 40_000 });
    expect(limitVerdict(places, refusedReading, refusal, undefined)).toMatchObject({ held: 10 });
    expect(limitRefusal({ ...places, maximum: 0 }, refusedReading, 1, 0)).toEqual({
      reason: 'TOO_LARGE',
      retryAfterMs: undefined,
    });
  });

  it('is rate limited until the counter has room', () => {
    const refusal = limitRefusal(limit, refusedReading, 1, 0);
    expect(refusal).toEqual({ reason: 'RATE_LIMITED', retryAfterMs: 40_000 });
  });

  it('never admits more than a window holds', () => {
    const refusal = limitRefusal(limit, refusedReading, 11, 0);
    expect(refusal).toEqual({ reason: 'TOO_LARGE', retryAfterMs: undefined });
  });

  it('says to ask again soon if only calls in flight are in the way', () => {
    const refusal = limitRefusal(limit, refusedReading, 1, 1);
    expect(refusal.reason).toBe('HELD_BY_OTHERS');
    expect(refusal.retryAfterMs).toBeLessThan(1_000);
  });
});

describe('budgetVerdict', () => {
  const budget = (over: Partial<BudgetState>): BudgetState => ({
    limitNanos: 1_000n,
    postedNanos: 0n,
    heldNanos: 0n,
    period: interval,
    endless: false,
    ...over,
  });
  const verdict = (
    over: Partial<BudgetState>,
    amountNanos: bigint,
    question: Partial<BudgetQuestion> = {},
  ) => budgetVerdict(policy, budget(over), { ...JUST_LOOKING, amountNanos, ...question }, now);

  it('admits a call of known cost if all of it fits', () => {
    expect(verdict({ postedNanos: 700n, heldNanos: 200n }, 100n).refusal).toBeUndefined();
    expect(verdict({ postedNanos: 700n, heldNanos: 200n }, 101n).refusal).toBeDefined();
  });

  it('admits a call of unknown cost while anything is left', () => {
    expect(verdict({ postedNanos: 999n }, 0n).refusal).toBeUndefined();
    expect(verdict({ postedNanos: 1_000n }, 0n).refusal?.reason).toBe('BUDGET_EXHAUSTED');
  });

  it('is exhausted until the period ends', () => {
    expect(verdict({ postedNanos: 1_250n }, 1n)).toMatchObject({
      remainingNanos: -250n,
      refusal: { reason: 'BUDGET_EXHAUSTED', retryAfterMs: 40_000 },
    });
  });

  it('is exhausted for ever if the period has no end', () => {
    expect(verdict({ postedNanos: 1_000n, endless: true }, 1n).refusal).toEqual({
      reason: 'BUDGET_EXHAUSTED',
      retryAfterMs: undefined,
    });
  });

  it('keeps apart what is held by others and what is spent', () => {
    expect(verdict({ postedNanos: 700n, heldNanos: 200n }, 200n).refusal?.reason).toBe(
      'HELD_BY_OTHERS',
    );
  });

  // Semantics, example 4.
  it('says when the first of the holds in the way ends', () => {
    const refused = verdict({ postedNanos: 700n, heldNanos: 200n }, 200n, {
      freesAt: wallMs(27_000),
    });
    expect(refused).toMatchObject({
      remainingNanos: 100n,
      refusal: { reason: 'HELD_BY_OTHERS', retryAfterMs: 7_000 },
    });
  });

  it("does not count a call's own hold against it", () => {
    const held = verdict({ heldNanos: 1_000n }, 1_000n, { ownNanos: 1_000n });
    expect(held).toMatchObject({ remainingNanos: 0n, refusal: undefined });
  });

  it('never admits more than a period holds', () => {
    expect(verdict({}, 1_001n).refusal).toEqual({ reason: 'TOO_LARGE', retryAfterMs: undefined });
  });

  it('with an amount of zero denies everything', () => {
    expect(verdict({ limitNanos: 0n }, 0n).refusal).toEqual({
      reason: 'BUDGET_EXHAUSTED',
      retryAfterMs: undefined,
    });
  });
});
