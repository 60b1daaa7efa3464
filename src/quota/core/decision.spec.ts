import { describe, expect, it } from '@jest/globals';
import { wallMs } from '../../common/time.js';
import {
  decide,
  denyKey,
  type DenyReason,
  type PolicyFacts,
  type PolicyVerdict,
  type Refusal,
} from './decision.js';

const factsOf = (policyId: string, shadow: boolean): PolicyFacts => ({
  policyId,
  policyName: policyId,
  owner: { kind: 'root', id: '' },
  shadow,
});
const interval = { start: wallMs(0), end: wallMs(60_000) };

const verdict = (policyId: string, refusal?: Refusal, shadow = false): PolicyVerdict => ({
  kind: 'limit',
  policy: { ...factsOf(policyId, shadow), unit: 'requests', maximum: 10, isConcurrency: false },
  interval,
  remaining: 5,
  held: 0,
  group: undefined,
  refusal,
});

const refusing = (id: string, reason: DenyReason, retryAfterMs: number | undefined) =>
  verdict(id, { reason, retryAfterMs });

describe('decide', () => {
  it('allows a call that no policy matches', () => {
    expect(decide([])).toEqual({ kind: 'allow', verdicts: [], affordableNanos: undefined });
  });

  it('denies if one of several refuses, and says which', () => {
    const decision = decide([verdict('key'), refusing('team', 'RATE_LIMITED', 9_000)]);
    expect(decision).toMatchObject({
      kind: 'deny',
      reason: 'RATE_LIMITED',
      bindingPolicyId: 'team',
      retryAfterMs: 9_000,
    });
  });

  it('is bound by the policy that will admit last', () => {
    const decision = decide([
      refusing('soon', 'RATE_LIMITED', 5),
      refusing('late', 'BUDGET_EXHAUSTED', 5_000),
      refusing('between', 'RATE_LIMITED', 50),
    ]);
    expect(decision).toMatchObject({ bindingPolicyId: 'late', retryAfterMs: 5_000 });
  });

  it('takes never for later than any time, and the first of equals', () => {
    const decision = decide([
      refusing('late', 'RATE_LIMITED', 1e12),
      refusing('never', 'TOO_LARGE', undefined),
      refusing('never too', 'TOO_LARGE', undefined),
    ]);
    expect(decision).toMatchObject({ bindingPolicyId: 'never', retryAfterMs: undefined });
  });

  it('is not stopped by a shadow policy, and still reports what it said', () => {
    const shadow = verdict('shadow', { reason: 'RATE_LIMITED', retryAfterMs: 1 }, true);
    const decision = decide([shadow]);
    expect(decision.kind).toBe('allow');
    expect(decision.verdicts[0]?.refusal).toBeDefined();
  });

  it('affords what the tightest enforced budget has left, never less than zero', () => {
    const budget = (id: string, remainingNanos: bigint, shadow = false): PolicyVerdict => ({
      kind: 'budget',
      policy: factsOf(id, shadow),
      interval,
      limitNanos: 10n,
      remainingNanos,
      heldNanos: 0n,
      refusal: undefined,
    });
    expect(decide([budget('a', 7n), budget('b', 3n), budget('c', 1n, true)]).affordableNanos).toBe(
      3n,
    );
    expect(decide([budget('a', -7n)]).affordableNanos).toBe(0n);
    expect(decide([verdict('limit')]).affordableNanos).toBeUndefined();
  });
});

describe('denyKey', () => {
  it('asks no policy', () => {
    expect(denyKey('KEY_EXPIRED')).toMatchObject({
      kind: 'deny',
      reason: 'KEY_EXPIRED',
      bindingPolicyId: undefined,
      verdicts: [],
    });
  });
});
