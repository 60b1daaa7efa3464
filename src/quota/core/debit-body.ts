import type { DebitCall } from './calls.js';

/**
 * Everything in a debit that changes what it means, as one string: the same debit always gives the
 * same one, whatever the order of its labels and whether its key came as a secret or as an id. The
 * price is not part of it, so that a retry after a price change is still the same debit.
 */
export function debitBody(call: DebitCall, virtualKeyId: string): string {
  const { provider, model, labels, amountNanos, tokens, countLimits } = call;
  const sortedLabels = Object.keys(labels)
    .sort()
    .map((name) => [name, labels[name]]);
  return JSON.stringify([
    virtualKeyId,
    provider,
    model,
    sortedLabels,
    amountNanos === undefined ? null : String(amountNanos),
    [tokens.input, tokens.cachedInput, tokens.output, tokens.reasoning].map(String),
    countLimits,
  ]);
}
