import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../../common/domain-error.js';
import {
  checkCall,
  debitCall,
  extendCall,
  type DebitCall,
  INT64_MAX,
  type RawCheck,
  releaseCall,
  requireBatchSize,
  utf8Length,
} from './calls.js';
import { debitBody } from './call-body.js';

const check: RawCheck = {
  subject: { kind: 'key', keyId: 'key_1' },
  provider: 'openai',
  model: 'gpt-4o',
  labels: {},
  requests: undefined,
  amountNanos: 0n,
  inputTokens: 0n,
  maxOutputTokens: 0n,
  tokens: undefined,
  dryRun: false,
  noHold: false,
  reservationKey: '',
  reserveTtlMs: undefined,
};

const debit: DebitCall = {
  subject: { kind: 'key', keyId: 'key_1' },
  provider: 'openai',
  model: 'gpt-4o',
  labels: { b: '2', a: '1' },
  idempotencyKey: 'k',
  amountNanos: 5n,
  tokens: { input: 0n, cachedInput: 0n, output: 0n, reasoning: 0n },
  countLimits: false,
  reservation: undefined,
};

const fieldsOf = (work: () => unknown): readonly string[] => {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError && error.code === 'INVALID_ARGUMENT')
      return (error.details.violations ?? []).map(({ field }) => field);
    throw error;
  }
  return [];
};

describe('checkCall', () => {
  it('counts one request unless told otherwise', () => {
    expect(checkCall(check).requests).toBe(1);
    expect(checkCall({ ...check, requests: 0n }).requests).toBe(0);
  });

  it('names every wrong field at once', () => {
    const wrong = {
      ...check,
      subject: { kind: 'secret' as const, secret: '' },
      provider: 'x'.repeat(257),
      model: 'a\0b',
      requests: -1n,
      amountNanos: -1n,
    };
    expect(fieldsOf(() => checkCall(wrong))).toEqual([
      'virtual_key',
      'provider',
      'model',
      'requests',
      'amount_nanos',
    ]);
  });

  it('takes amounts up to the edge of int64', () => {
    expect(checkCall({ ...check, amountNanos: INT64_MAX }).amountNanos).toBe(INT64_MAX);
  });

  it('refuses a million requests and one in a single call', () => {
    expect(fieldsOf(() => checkCall({ ...check, requests: 1_000_001n }))).toEqual(['requests']);
  });

  it('refuses 10,000 labels without looking at each', () => {
    const labels = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`l${i}`, 'v']));
    expect(fieldsOf(() => checkCall({ ...check, labels }))).toEqual(['labels']);
  });

  it('expects the tokens that are given, or those that it sends and may get back', () => {
    const tokensOf = (over: Partial<RawCheck>) => checkCall({ ...check, ...over }).tokens;
    expect(tokensOf({})).toBeUndefined();
    expect(tokensOf({ tokens: 0n, inputTokens: 5n })).toBe(0);
    expect(tokensOf({ inputTokens: 5n, maxOutputTokens: 7n })).toBe(12);
    expect(tokensOf({ tokens: 2n ** 53n - 1n })).toBe(Number.MAX_SAFE_INTEGER);
    expect(tokensOf({ inputTokens: INT64_MAX, maxOutputTokens: INT64_MAX })).toBe(2 ** 53);
  });

  it.each([-1n, 2n ** 53n, INT64_MAX, -INT64_MAX - 1n])('refuses %d tokens', (tokens) => {
    expect(fieldsOf(() => checkCall({ ...check, tokens }))).toEqual(['tokens']);
  });

  it('refuses names of a megabyte and takes emoji and right-to-left text', () => {
    expect(fieldsOf(() => checkCall({ ...check, model: 'm'.repeat(1 << 20) }))).toEqual(['model']);
    expect(checkCall({ ...check, labels: { 'צוות 🚀': 'مرحبا' } }).labels).toHaveProperty(
      'צוות 🚀',
    );
    expect(fieldsOf(() => checkCall({ ...check, labels: { team: 'v'.repeat(300) } }))).toEqual([
      'labels["team"]',
    ]);
  });
});

describe('debitCall', () => {
  it('demands an idempotency key of at most 255 bytes', () => {
    expect(fieldsOf(() => debitCall({ ...debit, idempotencyKey: '' }))).toEqual([
      'idempotency_key',
    ]);
    expect(fieldsOf(() => debitCall({ ...debit, idempotencyKey: 'é'.repeat(128) }))).toEqual([
      'idempotency_key',
    ]);
  });

  it('refuses negative amounts and tokens', () => {
    const tokens = { ...debit.tokens, cachedInput: -1n };
    expect(fieldsOf(() => debitCall({ ...debit, amountNanos: -5n, tokens }))).toEqual([
      'amount_nanos',
      'usage.cached_input',
    ]);
  });

  it('does not count in limits what its reservation has counted', () => {
    const reservation = { kind: 'id', id: 'res_1' } as const;
    expect(fieldsOf(() => debitCall({ ...debit, reservation, countLimits: true }))).toEqual([
      'count_limits',
    ]);
  });

  it('needs an amount or tokens, and takes an amount of zero', () => {
    expect(fieldsOf(() => debitCall({ ...debit, amountNanos: undefined }))).toEqual([
      'amount_nanos',
    ]);
    expect(debitCall({ ...debit, amountNanos: 0n }).amountNanos).toBe(0n);
  });
});

describe('reservations', () => {
  it('last as long as the policies say unless told otherwise, and at most a day', () => {
    expect(checkCall(check).reserveTtlMs).toBeUndefined();
    expect(checkCall({ ...check, reserveTtlMs: 1_000 }).reserveTtlMs).toBe(1_000);
    for (const reserveTtlMs of [0, 999, 86_400_001])
      expect(fieldsOf(() => checkCall({ ...check, reserveTtlMs }))).toEqual(['reserve_ttl']);
  });

  it('are named by an id or by a key', () => {
    const extend = { subject: check.subject, reserveTtlMs: undefined, addNanos: -1n };
    expect(fieldsOf(() => extendCall({ ...extend, reservation: undefined }))).toEqual([
      'reservation',
      'add_nanos',
      'reserve_ttl',
    ]);
    const release = { subject: check.subject, refund: false };
    expect(
      fieldsOf(() => releaseCall({ ...release, reservation: { kind: 'key', key: '' } })),
    ).toEqual(['reservation_key']);
    expect(
      fieldsOf(() => debitCall({ ...debit, reservation: { kind: 'id', id: 'x'.repeat(300) } })),
    ).toEqual(['reservation_id']);
  });
});

describe('debitBody', () => {
  it('does not depend on the order of labels', () => {
    expect(debitBody({ ...debit, labels: { a: '1', b: '2' } }, 'key_1')).toBe(
      debitBody(debit, 'key_1'),
    );
  });

  it('tells apart what means something else', () => {
    const bodies = [
      debitBody(debit, 'key_1'),
      debitBody(debit, 'key_2'),
      debitBody({ ...debit, amountNanos: 6n }, 'key_1'),
      debitBody({ ...debit, amountNanos: undefined }, 'key_1'),
      debitBody({ ...debit, countLimits: true }, 'key_1'),
      debitBody({ ...debit, labels: { a: '1' } }, 'key_1'),
      debitBody({ ...debit, tokens: { ...debit.tokens, input: 1n } }, 'key_1'),
      debitBody({ ...debit, tokens: { ...debit.tokens, output: 1n } }, 'key_1'),
      debitBody({ ...debit, reservation: { kind: 'id', id: 'r' } }, 'key_1'),
      debitBody({ ...debit, reservation: { kind: 'key', key: 'r' } }, 'key_1'),
    ];
    expect(new Set(bodies).size).toBe(bodies.length);
  });
});

describe('utf8Length', () => {
  it.each(['', 'abc', 'é', '€', '🚀', 'a🚀é€', '\ud800', 'x\ud800y', '\udc00'])('%j', (text) => {
    expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
  });
});

describe('requireBatchSize', () => {
  it('refuses nothing and too much', () => {
    expect(fieldsOf(() => requireBatchSize('checks', 0, 1_000))).toEqual(['checks']);
    expect(fieldsOf(() => requireBatchSize('checks', 1_001, 1_000))).toEqual(['checks']);
    expect(fieldsOf(() => requireBatchSize('checks', 1_000, 1_000))).toEqual([]);
  });
});
