import type { WallMs } from '../../common/time.js';
import type { FieldsByKind, PriceDraft } from './drafts.js';
import type { Price } from './model.js';
import { reviseRecord } from './record-rules.js';
import { validatePrice } from './validate-price.js';
import { type Checked, quote, Violations } from './violations.js';

export const IMPORTED_PRICES_MAX = 10_000;

type Fields = FieldsByKind['price'];

/** All prices of an import, or all that is wrong with them: it is done as a whole or not at all. */
export function validateImport(drafts: readonly PriceDraft[]): Checked<readonly Fields[]> {
  const found = new Violations();
  if (drafts.length > IMPORTED_PRICES_MAX) {
    const most = `must have at most ${IMPORTED_PRICES_MAX} prices`;
    found.add('prices', `${most}, but has ${drafts.length}; import them in parts`);
    return found.conclude([]);
  }
  const fields: Fields[] = [];
  const places = new Map<string, string>();
  drafts.forEach((draft, i) => {
    const path = `prices[${i}]`;
    const checked = validatePrice(draft, path);
    if (checked.kind === 'valid') fields.push(checked.value);
    else found.addAll(checked.violations);
    const name = priceName(draft);
    const earlier = places.get(name);
    if (earlier !== undefined)
      found.add(`${path}.model`, `is in ${earlier} already: ${quote(name)}`);
    places.set(name, path);
  });
  return found.conclude(fields);
}

export interface ImportPlan {
  readonly created: readonly Price[];
  readonly updated: readonly Price[];
  readonly unchangedCount: number;
}

/** What an import changes. Prices that say the same already keep their revision. */
export function planImport(
  wanted: readonly Fields[],
  existing: readonly Price[],
  stamp: { readonly now: WallMs; readonly newId: () => string },
): ImportPlan {
  const byName = new Map(existing.map((price) => [priceName(price), price]));
  const created: Price[] = [];
  const updated: Price[] = [];
  let unchangedCount = 0;
  for (const fields of wanted) {
    const current = byName.get(priceName(fields));
    if (current === undefined) {
      const { now, newId } = stamp;
      created.push({ ...fields, id: newId(), revision: 1, createdAt: now, updatedAt: now });
      continue;
    }
    const after = reviseRecord('price', current, { fields, now: stamp.now });
    if (after === current) unchangedCount++;
    else updated.push(after);
  }
  return { created, updated, unchangedCount };
}

export const priceName = ({ provider, model }: { provider: string; model: string }): string =>
  `${provider}/${model}`;
