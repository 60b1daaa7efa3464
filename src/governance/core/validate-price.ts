import type { FieldsByKind, PriceDraft } from './drafts.js';
import { checkRange } from './validate-range.js';
import { checkExactName } from './validate-text.js';
import { type Checked, Violations } from './violations.js';

const INT64_MAX = 2n ** 63n - 1n;

export function validatePrice(draft: PriceDraft, path: string): Checked<FieldsByKind['price']> {
  const found = new Violations();
  const amount = (picos: bigint, name: string): bigint =>
    checkRange(picos, { field: `${path}.${name}_pico_usd_per_token`, most: INT64_MAX }, found);
  const optional = (picos: bigint | undefined, name: string): bigint | undefined =>
    picos === undefined ? undefined : amount(picos, name);
  return found.conclude({
    provider: checkExactName(draft.provider, `${path}.provider`, found),
    model: checkExactName(draft.model, `${path}.model`, found),
    inputPicos: amount(draft.inputPicos, 'input'),
    cachedInputPicos: optional(draft.cachedInputPicos, 'cached_input'),
    outputPicos: amount(draft.outputPicos, 'output'),
    reasoningPicos: optional(draft.reasoningPicos, 'reasoning'),
  });
}
