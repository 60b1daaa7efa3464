import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { LIFETIME } from '../common/interval-at.js';
import { type Interval, wallMs } from '../common/time.js';
import {
  BatchCheckLimitRequest,
  BatchCheckLimitResponse,
  CheckLimitRequest,
  CheckLimitResponse,
  type CheckLimitResult,
  DebitBudgetRequest,
  DebitBudgetResponse,
  type DebitBudgetResult,
  StreamRequest,
  StreamResponse,
} from '../gen/weir/v1/quota_service.js';
import { type CheckResult, encodeCheckAnswer, encodeCheckResults } from './check-answer-codec.js';
import type { CheckAnswer } from './check-limit.service.js';
import { decodeCheck, decodeCheckBatch } from './check-request-codec.js';
import type { DenyReason, PolicyVerdict, Refusal } from './core/decision.js';
import { fromCheckAnswer, REASONS, toRawCheck } from './quota-proto.js';
import { decodeStreamBatch, encodeStreamAnswer } from './stream-codec.js';

const RUNS = { numRuns: 200 };

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const text = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', 'gpt-5', '\ud800'),
);
const int64 = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const count = fc.oneof(
  fc.nat(300),
  fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 53 - 1),
  fc.maxSafeNat(),
);

describe('the decoder of checks', () => {
  const request: fc.Arbitrary<CheckLimitRequest> = fc.record({
    subject: optional(
      fc.record({ $case: fc.constantFrom('virtualKey', 'virtualKeyId'), value: text }),
    ),
    provider: text,
    model: text,
    labels: fc.oneof(fc.constant({}), fc.dictionary(text, text, { maxKeys: 2 })),
    requests: optional(int64),
    amountNanos: int64,
    dryRun: fc.boolean(),
    reservationKey: text,
    reserveTtl: optional(
      fc.record({ seconds: fc.bigInt({ min: 0n, max: 86_400n }), nanos: fc.nat(999_999_999) }),
    ),
    noHold: fc.boolean(),
    inputTokens: int64,
    maxOutputTokens: int64,
    tokens: optional(int64),
  });
  const bytesOf = (message: CheckLimitRequest) =>
    Buffer.from(CheckLimitRequest.encode(message).finish());
  const generated = (bytes: Buffer) => toRawCheck(CheckLimitRequest.decode(bytes));

  it('reads what the generated one reads', () => {
    fc.assert(
      fc.property(request, (message) => {
        const bytes = bytesOf(message);
        expect(decodeCheck(bytes)).toEqual(generated(bytes));
      }),
      RUNS,
    );
  });

  it('reads batches as the generated one does', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 5 }), (checks) => {
        const bytes = Buffer.from(BatchCheckLimitRequest.encode({ checks }).finish());
        expect(decodeCheckBatch(bytes)).toEqual(
          BatchCheckLimitRequest.decode(bytes).checks.map(toRawCheck),
        );
      }),
      RUNS,
    );
  });

  it('reads the batches of a stream as the generated one does', () => {
    const debits = fc.array(
      fc.record({ idempotencyKey: text, amountNanos: optional(int64) }).map((given) => ({
        ...DebitBudgetRequest.decode(new Uint8Array()),
        ...given,
      })),
      { maxLength: 1 },
    );
    const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const batch = fc.record({ id, checks: fc.array(request, { maxLength: 3 }), debits });
    fc.assert(
      fc.property(batch, (message) => {
        const bytes = Buffer.from(StreamRequest.encode(message).finish());
        const decoded = StreamRequest.decode(bytes);
        const checks = decoded.checks.map(toRawCheck);
        expect(decodeStreamBatch(bytes)).toEqual({ ...decoded, checks });
      }),
      RUNS,
    );
  });

  it('reads or refuses bytes that were spoilt as the generated one does', () => {
    const spoilt = fc
      .tuple(request, fc.nat(), fc.nat(255), fc.nat(3))
      .map(([message, place, byte, way]) => {
        const bytes = bytesOf(message);
        if (way === 0) return bytes.subarray(0, place % (bytes.length + 1));
        if (bytes.length > 0) bytes[place % bytes.length] = byte;
        return way === 1 ? Buffer.concat([bytes, bytes]) : bytes;
      });
    const outcomeOf = (decode: () => unknown): unknown => {
      try {
        return decode();
      } catch {
        return 'refused';
      }
    };
    fc.assert(
      fc.property(spoilt, (bytes) => {
        expect(outcomeOf(() => decodeCheck(bytes))).toEqual(outcomeOf(() => generated(bytes)));
        const batch = Buffer.concat([Buffer.from([0x0a, Math.min(bytes.length, 127)]), bytes]);
        expect(outcomeOf(() => decodeCheckBatch(batch))).toEqual(
          outcomeOf(() => BatchCheckLimitRequest.decode(batch).checks.map(toRawCheck)),
        );
      }),
      RUNS,
    );
  });
});

describe('the encoder of answers', () => {
  const reason = fc.constantFrom(...(Object.keys(REASONS) as DenyReason[]));
  const refusal: fc.Arbitrary<Refusal> = fc.record({
    reason,
    retryAfterMs: optional(fc.double({ min: 0, max: 1e12, noNaN: true })),
  });
  const instant = fc
    .integer({ min: -62_135_596_800_000, max: 253_402_300_799_998 })
    .map((ms) => wallMs(ms));
  const interval: fc.Arbitrary<Interval> = fc.oneof(
    fc.record({ start: instant, end: instant }),
    fc.constant(LIFETIME),
  );
  const facts = {
    policyId: text,
    policyName: text,
    owner: fc.record({
      kind: fc.constantFrom('root', 'customer', 'team', 'virtual_key'),
      id: text,
    }),
    shadow: fc.boolean(),
  };
  const verdict: fc.Arbitrary<PolicyVerdict> = fc.oneof(
    fc.record({
      kind: fc.constant('limit'),
      policy: fc.record({
        ...facts,
        unit: fc.constantFrom('requests', 'tokens', 'nano_usd'),
        maximum: count,
        isConcurrency: fc.boolean(),
      }),
      interval,
      remaining: count,
      held: count,
      group: optional(fc.dictionary(text, text, { maxKeys: 3 })),
      refusal: optional(refusal),
    }),
    fc.record({
      kind: fc.constant('budget'),
      policy: fc.record(facts),
      interval,
      limitNanos: int64,
      remainingNanos: int64,
      heldNanos: int64,
      refusal: optional(refusal),
    }),
  );
  const common = {
    verdicts: fc.array(verdict, { maxLength: 6 }),
    affordableNanos: optional(int64),
  };
  const answer: fc.Arbitrary<CheckAnswer> = fc.record({
    decision: fc.oneof(
      fc.record({ kind: fc.constant('allow'), ...common }),
      fc.record({
        kind: fc.constant('deny'),
        reason,
        bindingPolicyId: optional(text),
        retryAfterMs: optional(fc.nat()),
        ...common,
      }),
    ),
    virtualKeyId: text,
    reservation: optional(
      fc.record({
        id: text,
        scope: text,
        reservationKey: text,
        chargedNanos: int64,
        state: fc.constant('held'),
        amountNanos: int64,
        expiresAt: instant,
        heldIn: fc.constant([]),
        takes: fc.constant(''),
      }),
    ),
    isReplayed: optional(fc.boolean()),
    isUnheld: optional(fc.boolean()),
    freshnessMs: optional(fc.nat()),
  });
  const generated = (value: CheckAnswer) =>
    Buffer.from(CheckLimitResponse.encode(fromCheckAnswer(value)).finish());

  it('writes the bytes that the generated one writes', () => {
    fc.assert(
      fc.property(answer, (value) => {
        expect(encodeCheckAnswer(value)).toEqual(generated(value));
      }),
      RUNS,
    );
  });

  const error = fc.record({
    code: fc.nat(16),
    message: text,
    violations: fc.array(fc.record({ field: text, description: text }), { maxLength: 2 }),
  });
  const failed: fc.Arbitrary<CheckResult> = fc.record({ status: fc.constant('failed'), error });
  const fulfilled: fc.Arbitrary<CheckResult> = fc.record({
    status: fc.constant('fulfilled'),
    value: answer,
  });
  const results = fc.array(fc.oneof(fulfilled, failed), { maxLength: 8 });
  const messageOf = (result: CheckResult): CheckLimitResult =>
    result.status === 'fulfilled'
      ? { result: { $case: 'response', value: fromCheckAnswer(result.value) } }
      : { result: { $case: 'error', value: result.error } };

  it('writes batches as the generated one does, errors of items in their places', () => {
    fc.assert(
      fc.property(results, (given) => {
        const message: BatchCheckLimitResponse = { results: given.map(messageOf) };
        expect(encodeCheckResults(given)).toEqual(
          Buffer.from(BatchCheckLimitResponse.encode(message).finish()),
        );
      }),
      RUNS,
    );
  });

  it('writes the batches of a stream as the generated one does', () => {
    const debit: fc.Arbitrary<DebitBudgetResult> = fc.oneof(
      fc.record({ result: fc.record({ $case: fc.constant('error'), value: error }) }),
      fc.record({ debitId: text, amountNanos: int64 }).map((given): DebitBudgetResult => {
        const value = { ...DebitBudgetResponse.decode(new Uint8Array()), ...given };
        return { result: { $case: 'response', value } };
      }),
    );
    const batch = fc.record({
      id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      checks: results,
      debits: fc.array(debit, { maxLength: 3 }),
      error: optional(error),
    });
    fc.assert(
      fc.property(batch, (given) => {
        const message = { ...given, checks: given.checks.map(messageOf) };
        expect(encodeStreamAnswer(given)).toEqual(
          Buffer.from(StreamResponse.encode(message).finish()),
        );
      }),
      RUNS,
    );
  });

  it('writes an answer that is longer than its memory, and short ones after it', () => {
    const long: CheckAnswer = {
      decision: { kind: 'allow', verdicts: [], affordableNanos: undefined },
      virtualKeyId: 'x'.repeat(3_000_000),
    };
    const short = { ...long, virtualKeyId: 'k' };
    for (const each of [short, long, short])
      expect(encodeCheckAnswer(each).equals(generated(each))).toBe(true);
  });
});
