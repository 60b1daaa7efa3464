import type { Recurrence } from '../../common/recurrence.js';
import type { WallMs } from '../../common/time.js';
import type { DraftByKind, FieldsByKind } from './drafts.js';
import { applyMask } from './field-mask.js';
import type { LimitAlgorithm, RecordByKind, RecordKind } from './model.js';
import { sameValue } from './same-value.js';
import { toWindowDraft } from './validate-algorithm.js';
import { validateCustomer, validateTeam, validateVirtualKey } from './validate-owners.js';
import { validateBudget, validateLimit } from './validate-policies.js';
import { validatePrice } from './validate-price.js';
import { type IsTimeZone, toPeriodDraft } from './validate-recurrence.js';
import type { Checked } from './violations.js';

/** What is particular to each kind of record; everything else treats them alike. */
interface RecordRules<K extends RecordKind> {
  /** `path` is where the caller wrote the draft, such as `limit` or `prices[3]`. */
  validate(draft: DraftByKind[K], path: string, isTimeZone: IsTimeZone): Checked<FieldsByKind[K]>;
  /** What a caller would have to send to get this record. */
  toDraft(record: RecordByKind[K]): DraftByKind[K];
  /** The record with new fields, and whatever counts its changes. Only called if fields differ. */
  revise(current: RecordByKind[K], fields: FieldsByKind[K]): RecordByKind[K];
}

export interface MaskedUpdate<K extends RecordKind> {
  readonly wanted: DraftByKind[K];
  /** The paths of the update mask. */
  readonly paths: readonly string[];
}

export function validateDraft<K extends RecordKind>(
  kind: K,
  draft: DraftByKind[K],
  context: { readonly path: string; readonly isTimeZone: IsTimeZone },
): Checked<FieldsByKind[K]> {
  return RULES[kind].validate(draft, context.path, context.isTimeZone);
}

export function toDraft<K extends RecordKind>(kind: K, record: RecordByKind[K]): DraftByKind[K] {
  return RULES[kind].toDraft(record);
}

/** The fields of a record after an update; they are checked as a whole. */
export function updateFields<K extends RecordKind>(
  kind: K,
  current: RecordByKind[K],
  update: MaskedUpdate<K> & { readonly isTimeZone: IsTimeZone },
): Checked<FieldsByKind[K]> {
  const masked = applyMask(kind, toDraft(kind, current), update);
  if (masked.kind === 'invalid') return masked;
  return validateDraft(kind, masked.value, { path: kind, isTimeZone: update.isTimeZone });
}

/**
 * The record with new fields: itself, if they say what it says already, so that an update sent twice is
 * one change. A policy's generation rises when the change gives its counter another meaning.
 */
export function reviseRecord<K extends RecordKind>(
  kind: K,
  current: RecordByKind[K],
  change: { readonly fields: FieldsByKind[K]; readonly now: WallMs },
): RecordByKind[K] {
  if (sameValue({ ...current, ...change.fields }, current)) return current;
  return { ...RULES[kind].revise(current, change.fields), updatedAt: change.now };
}

const RULES: { readonly [K in RecordKind]: RecordRules<K> } = {
  customer: {
    validate: validateCustomer,
    toDraft: (customer) => customer,
    revise: (current, fields) => ({ ...current, ...fields }),
  },
  team: {
    validate: validateTeam,
    toDraft: (team) => ({ ...team, customerId: team.customerId ?? '' }),
    revise: (current, fields) => ({ ...current, ...fields }),
  },
  virtual_key: {
    validate: validateVirtualKey,
    toDraft: (key) => ({
      ...key,
      teamId: key.teamId ?? '',
      customerId: key.customerId ?? '',
      expiresAtMs: key.expiresAt,
    }),
    revise: (current, fields) => ({ ...current, ...fields }),
  },
  limit: {
    validate: validateLimit,
    toDraft: (limit) => ({
      ...limit,
      maximum: BigInt(limit.maximum),
      algorithm: limit.algorithm.kind,
      window: toWindowDraft(limit.algorithm),
      groupBy: limit.groupBy?.keys ?? [],
      groupsMax: limit.groupBy?.groupsMax,
    }),
    revise: (current, fields) => ({
      ...current,
      ...fields,
      generation: current.generation + (countsAnew(current, fields) ? 1 : 0),
    }),
  },
  budget: {
    validate: validateBudget,
    toDraft: (budget) => ({ ...budget, period: toPeriodDraft(budget.period) }),
    revise: (current, fields) => ({
      ...current,
      ...fields,
      generation: current.generation + (hasSameBounds(current.period, fields.period) ? 0 : 1),
    }),
  },
  price: {
    validate: validatePrice,
    toDraft: (price) => price,
    revise: (current, fields) => ({ ...current, ...fields, revision: current.revision + 1 }),
  },
};

/** Periods of equal length that are shifted by whole ones begin and end when they did. */
function hasSameBounds(before: Recurrence, after: Recurrence): boolean {
  if (before.kind !== 'duration' || after.kind !== 'duration') return sameValue(before, after);
  const shiftMs = after.anchorMs - before.anchorMs;
  return before.durationMs === after.durationMs && shiftMs % before.durationMs === 0;
}

type Counting = Pick<FieldsByKind['limit'], 'unit' | 'algorithm' | 'groupBy' | 'scope'>;

/** These change what a count means, so it cannot be carried over. The cap of groups does not. */
function countsAnew(before: Counting, after: Counting): boolean {
  return (
    before.unit !== after.unit ||
    before.scope !== after.scope ||
    !sameValue(windowOf(before.algorithm), windowOf(after.algorithm)) ||
    !sameValue(before.groupBy?.keys, after.groupBy?.keys)
  );
}

/** What the count of an algorithm hangs on. A bucket keeps its fill, and holds that last go on. */
function windowOf(algorithm: LimitAlgorithm): Partial<LimitAlgorithm> {
  const { kind } = algorithm;
  return kind === 'token_bucket' || kind === 'concurrency' ? { kind } : algorithm;
}
