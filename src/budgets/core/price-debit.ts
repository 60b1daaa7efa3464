/**
 * What tokens cost. Rates are integers of pico-USD, so that the cheapest known prices are exact; a
 * debit is summed up in pico-USD and rounded once to nano-USD, half up (ADR 0002). Rounding token by
 * token, or to micro-USD, has put budgets of others wrong by more than half.
 */
import { assert } from '../../common/assert.js';
import { DomainError } from '../../common/domain-error.js';
import { INT64_MAX } from './int64.js';
import type { TokenCounts } from './ledger-model.js';

/** Pico-USD per token, 0 to 2^63 - 1. */
export interface TokenRates {
  readonly inputPicos: bigint;
  /** Undefined: as input. */
  readonly cachedInputPicos: bigint | undefined;
  readonly outputPicos: bigint;
  /** Undefined: as output. */
  readonly reasoningPicos: bigint | undefined;
}

const PICOS_PER_NANO = 1_000n;

/**
 * The amount of a debit in nano-USD.
 *
 * @throws DomainError `OUT_OF_RANGE` if the amount does not fit into int64.
 */
export function priceDebit(tokens: TokenCounts, rates: TokenRates): bigint {
  const { inputPicos, outputPicos } = rates;
  const picos =
    cost(tokens.input, inputPicos) +
    cost(tokens.cachedInput, rates.cachedInputPicos ?? inputPicos) +
    cost(tokens.output, outputPicos) +
    cost(tokens.reasoning, rates.reasoningPicos ?? outputPicos);
  const nanos = (picos + PICOS_PER_NANO / 2n) / PICOS_PER_NANO;
  if (nanos > INT64_MAX) throw tooExpensive(nanos);
  return nanos;
}

function cost(tokens: bigint, ratePicos: bigint): bigint {
  assert(tokens >= 0n && ratePicos >= 0n, 'tokens and rates are not negative');
  return tokens * ratePicos;
}

function tooExpensive(nanos: bigint): DomainError {
  const message = `the tokens cost ${nanos} nano-USD, which is more than int64 holds (${INT64_MAX})`;
  const description = 'cost more than 9,223,372,036.854775807 USD in sum; check the counts';
  return new DomainError('OUT_OF_RANGE', message, {
    violations: [{ field: 'usage', description }],
  });
}
