import type { DraftByKind, WindowDraft } from './drafts.js';
import type { CarryOver, RecordKind } from './model.js';
import { type Checked, quote, Violations } from './violations.js';

/**
 * An update changes the fields that its mask names and no others. Paths are those of the proto
 * messages. What may not be changed is refused with its reason, not ignored.
 */
const PATHS_MAX = 64;

/** Takes one field over, or says in words why it cannot be. */
type Take<D> = (into: D, from: D) => D | string;

interface MaskRules<D> {
  readonly mutable: Readonly<Record<string, Take<D>>>;
  /** Path to reason. */
  readonly immutable: Readonly<Record<string, string>>;
}

/** `current` with the fields that `paths` names taken from `wanted`. */
export function applyMask<K extends RecordKind>(
  kind: K,
  current: DraftByKind[K],
  update: { readonly wanted: DraftByKind[K]; readonly paths: readonly string[] },
): Checked<DraftByKind[K]> {
  const rules: MaskRules<DraftByKind[K]> = RULES[kind];
  const found = new Violations();
  let result = current;
  if (update.paths.length === 0) {
    found.add('update_mask', `must name the fields to change: ${list(rules)}`);
  }
  if (update.paths.length > PATHS_MAX) {
    found.add(
      'update_mask',
      `must have at most ${PATHS_MAX} paths, but has ${update.paths.length}`,
    );
    return found.conclude(result);
  }
  for (const path of update.paths) {
    if (!Object.hasOwn(rules.mutable, path)) found.add('update_mask.paths', refusal(rules, path));
  }
  // In the order of the rules, so that the order of the paths makes no difference.
  for (const [path, take] of Object.entries(rules.mutable)) {
    if (!update.paths.includes(path)) continue;
    const taken = take(result, update.wanted);
    if (typeof taken === 'string') found.add('update_mask.paths', taken);
    else result = taken;
  }
  return found.conclude(result);
}

function refusal<D>(rules: MaskRules<D>, path: string): string {
  // Own properties only, since a path may be called `constructor`.
  const reason = Object.hasOwn(rules.immutable, path) ? rules.immutable[path] : undefined;
  if (reason !== undefined) return `${quote(path)} cannot be changed: ${reason}`;
  return `${quote(path)} is no field that can be changed; those are ${list(rules)}`;
}

const list = <D>(rules: MaskRules<D>): string => Object.keys(rules.mutable).join(', ');

const IDENTITY = 'it is what names the record; create another one instead';
const BY_WEIR = 'Weir sets it';
const STAMPS = { id: IDENTITY, created_at: BY_WEIR, updated_at: BY_WEIR };
const OWNER = 'what was counted belongs to its owner; create another policy instead';
const SECRET = 'use RotateVirtualKey to get a new secret';

const field =
  <D>(name: keyof D): Take<D> =>
  (into, from) => ({ ...into, [name]: from[name] });

const matchField =
  <D extends DraftByKind['limit' | 'budget']>(name: keyof D['match'] & string): Take<D> =>
  (into, from) => ({
    ...into,
    match: { ...into.match, [name]: from.match[name as keyof typeof from.match] },
  });

function windowOf(kind: WindowDraft['kind']): Take<DraftByKind['limit']> {
  return (into, from) =>
    from.window?.kind === kind
      ? { ...into, window: from.window }
      : `"${kind}" is named, but limit.${kind} is not given`;
}

function periodOf(kind: 'calendar' | 'lifetime' | 'fixed'): Take<DraftByKind['budget']> {
  return (into, from) =>
    from.period?.kind === kind
      ? { ...into, period: from.period }
      : `"${kind}" is named, but budget.${kind} is not given`;
}

/** What of a carry-over is not named stays; without one it is nothing. */
const carryOverField =
  (name: keyof CarryOver, path: string): Take<DraftByKind['budget']> =>
  (into, from) =>
    from.carryOver === undefined
      ? `"carry_over.${path}" is named, but budget.carry_over is not given`
      : {
          ...into,
          carryOver: { ...(into.carryOver ?? NOTHING), [name]: from.carryOver[name] },
        };

const NOTHING: CarryOver = { maxNanos: 0n, minNanos: 0n, overage: false };

const RULES: { readonly [K in RecordKind]: MaskRules<DraftByKind[K]> } = {
  customer: { mutable: { name: field('name') }, immutable: STAMPS },
  team: {
    mutable: { name: field('name') },
    immutable: {
      ...STAMPS,
      customer_id:
        'its keys and what they spent belong to the customer; create another team instead',
    },
  },
  virtual_key: {
    mutable: {
      name: field('name'),
      // The customer of another team is another; `customer_id` comes after, for who names both.
      team_id: (into, from) => ({
        ...into,
        teamId: from.teamId,
        customerId: from.teamId === '' ? into.customerId : '',
      }),
      customer_id: field('customerId'),
      active: field('active'),
      expires_at: field('expiresAtMs'),
      allowed_providers: field('allowedProviders'),
      allowed_models: field('allowedModels'),
    },
    immutable: { ...STAMPS, secret: SECRET, secret_hint: SECRET },
  },
  limit: {
    mutable: {
      name: field('name'),
      unit: field('unit'),
      maximum: field('maximum'),
      algorithm: field('algorithm'),
      duration: windowOf('duration'),
      calendar: windowOf('calendar'),
      refill: windowOf('refill'),
      hold: windowOf('hold'),
      match: field('match'),
      'match.providers': matchField('providers'),
      'match.models': matchField('models'),
      'match.labels': matchField('labels'),
      shadow: field('shadow'),
      // Without groups there is nothing to bound; `groups_max` comes after, for who names both.
      group_by: (into, from) => ({
        ...into,
        groupBy: from.groupBy,
        groupsMax: from.groupBy.length === 0 ? undefined : into.groupsMax,
      }),
      groups_max: field('groupsMax'),
      on_unavailable: field('onUnavailable'),
      scope: field('scope'),
    },
    immutable: { ...STAMPS, owner: OWNER, 'owner.kind': OWNER, 'owner.id': OWNER },
  },
  budget: {
    mutable: {
      name: field('name'),
      amount_nanos: field('amountNanos'),
      calendar: periodOf('calendar'),
      lifetime: periodOf('lifetime'),
      fixed: periodOf('fixed'),
      match: field('match'),
      'match.providers': matchField('providers'),
      'match.models': matchField('models'),
      'match.labels': matchField('labels'),
      shadow: field('shadow'),
      on_expiry: field('onExpiry'),
      on_unavailable: field('onUnavailable'),
      on_unpriced: field('onUnpriced'),
      threshold_percents: field('thresholdPercents'),
      carry_over: field('carryOver'),
      'carry_over.max_nanos': carryOverField('maxNanos', 'max_nanos'),
      'carry_over.min_nanos': carryOverField('minNanos', 'min_nanos'),
      'carry_over.overage': carryOverField('overage', 'overage'),
    },
    immutable: { ...STAMPS, owner: OWNER, 'owner.kind': OWNER, 'owner.id': OWNER },
  },
  price: {
    mutable: {
      input_pico_usd_per_token: field('inputPicos'),
      cached_input_pico_usd_per_token: field('cachedInputPicos'),
      output_pico_usd_per_token: field('outputPicos'),
      reasoning_pico_usd_per_token: field('reasoningPicos'),
    },
    immutable: { ...STAMPS, provider: IDENTITY, model: IDENTITY, revision: BY_WEIR },
  },
};
