import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DomainError } from '../../common/domain-error.js';
import { INT64_MAX } from './int64.js';
import type { TokenCounts } from './ledger-model.js';
import { priceDebit, type TokenRates } from './price-debit.js';

const tokens = (counts: Partial<TokenCounts>): TokenCounts => ({
  input: 0n,
  cachedInput: 0n,
  output: 0n,
  reasoning: 0n,
  ...counts,
});

const rates = (changes: Partial<TokenRates>): TokenRates => ({
  inputPicos: 142_857n,
  cachedInputPicos: undefined,
  outputPicos: 1_000_000n,
  reasoningPicos: undefined,
  ...changes,
});

describe('priceDebit', () => {
  it('rounds once, half up: 7 tokens at 142,857 pico are 1,000 nano', () => {
    expect(priceDebit(tokens({ input: 7n }), rates({}))).toBe(1_000n);
  });

  it('rounds each debit by itself: seven of one token are 143 nano each, 1,001 in sum', () => {
    const one = priceDebit(tokens({ input: 1n }), rates({}));
    expect(one).toBe(143n);
    expect(one * 7n).toBe(1_001n);
  });

  it('rounds a half up and what is below it down', () => {
    expect(priceDebit(tokens({ input: 1n }), rates({ inputPicos: 500n }))).toBe(1n);
    expect(priceDebit(tokens({ input: 1n }), rates({ inputPicos: 499n }))).toBe(0n);
    expect(priceDebit(tokens({ input: 1n }), rates({ inputPicos: 1_499n }))).toBe(1n);
  });

  it('sums up the kinds before it rounds', () => {
    const half = {
      inputPicos: 400n,
      cachedInputPicos: 400n,
      outputPicos: 400n,
      reasoningPicos: 400n,
    };
    const each = tokens({ input: 1n, cachedInput: 1n, output: 1n, reasoning: 1n });
    expect(priceDebit(each, half)).toBe(2n);
  });

  it('prices cached input as input and reasoning as output if they have no price of their own', () => {
    expect(priceDebit(tokens({ cachedInput: 1_000n }), rates({}))).toBe(142_857n);
    expect(priceDebit(tokens({ reasoning: 3n }), rates({}))).toBe(3_000n);
  });

  it('prices cached input and reasoning by their own price, which may be 0', () => {
    const own = rates({ cachedInputPicos: 0n, reasoningPicos: 7_000n });
    expect(priceDebit(tokens({ cachedInput: 1_000n }), own)).toBe(0n);
    expect(priceDebit(tokens({ reasoning: 1n }), own)).toBe(7n);
  });

  it('reaches the edge of int64 and goes no further', () => {
    const nano = rates({ inputPicos: 1_000n });
    expect(priceDebit(tokens({ input: INT64_MAX }), nano)).toBe(INT64_MAX);
    const over = (): bigint => priceDebit(tokens({ input: INT64_MAX, output: 1n }), nano);
    expect(over).toThrow(DomainError);
    expect(over).toThrow(expect.objectContaining({ code: 'OUT_OF_RANGE' }));
  });

  it('refuses negative counts', () => {
    expect(() => priceDebit(tokens({ input: -1n }), rates({}))).toThrow('not negative');
  });

  it('is off by at most half a nano', () => {
    const count = fc.bigInt({ min: 0n, max: 10_000_000n });
    const rate = fc.bigInt({ min: 0n, max: 10_000_000_000n });
    fc.assert(
      fc.property(count, count, rate, rate, (input, output, inputPicos, outputPicos) => {
        const exact = input * inputPicos + output * outputPicos;
        const nanos = priceDebit(tokens({ input, output }), rates({ inputPicos, outputPicos }));
        const error = nanos * 1_000n - exact;
        return error > -500n && error <= 500n;
      }),
    );
  });
});
