import type { CheckCall, DebitCall } from './calls.js';

/**
 * Everything in a debit that changes what it means, as one string: the same debit always gives the
 * same one, whatever the order of its labels and whether its key came as a secret or as an id. The
 * price is not part of it, so that a retry after a price change is still the same debit.
 */
export function debitBody(call: DebitCall, virtualKeyId: string): string {
  const { provider, model, labels, amountNanos, tokens, countLimits, reservation } = call;
  return JSON.stringify([
    virtualKeyId,
    provider,
    model,
    sorted(labels),
    amountNanos === undefined ? null : String(amountNanos),
    [tokens.input, tokens.cachedInput, tokens.output, tokens.reasoning].map(String),
    countLimits,
    reservation ?? null,
  ]);
}

/** The same of a check: what its reservation key stands for. */
export function checkBody(call: CheckCall, virtualKeyId: string): string {
  const { provider, model, labels, requests, amountNanos, inputTokens, maxOutputTokens } = call;
  const amounts = [amountNanos, inputTokens, maxOutputTokens, call.tokens].map(String);
  const { reserveTtlMs = null } = call;
  return JSON.stringify([
    virtualKeyId,
    provider,
    model,
    sorted(labels),
    requests,
    amounts,
    reserveTtlMs,
  ]);
}

const sorted = (labels: Readonly<Record<string, string>>): readonly (readonly unknown[])[] =>
  Object.keys(labels)
    .sort()
    .map((name) => [name, labels[name]]);
