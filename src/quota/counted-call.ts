import type { GroupKey } from '../governance/core/model.js';
import type { Caller } from './call-admission.js';
import type { CallTarget, CheckCall, DebitCall, TokenCounts } from './core/calls.js';
import { countOf } from './core/counts.js';
import type { GroupValues } from './core/group-values.js';
import type { Estimates } from './estimates.js';

/** What limits count of a call, and by what they keep counters apart. */
export interface CountedCall {
  readonly requests: number;
  /** Undefined: not known. */
  readonly tokens: number | undefined;
  /** Undefined: not known. */
  readonly amountNanos: number | undefined;
  /** How long the call takes a place of a concurrency limit. Undefined: as the limit says. */
  readonly holdMs: number | undefined;

  /** The call's value of a key; empty if it has none. */
  groupValue(key: GroupKey): string;
}

/** A call that asks. What only some limits need is worked out when one of them does. */
export class CountedCheck implements CountedCall {
  constructor(
    private readonly call: CheckCall,
    private readonly caller: Caller,
    private readonly estimates: Estimates,
  ) {}

  get requests(): number {
    return this.call.requests;
  }

  get tokens(): number | undefined {
    return this.call.tokens;
  }

  get amountNanos(): number | undefined {
    const amountNanos = this.estimates.estimate(this.call, [])?.amountNanos ?? 0n;
    return amountNanos === 0n ? undefined : countOf(amountNanos);
  }

  get holdMs(): number | undefined {
    return this.call.reserveTtlMs;
  }

  groupValue(key: GroupKey): string {
    return valueOf(key, this.caller, this.call);
  }
}

/** A call that is over: it takes no place any more. */
export class CountedDebit implements CountedCall {
  readonly requests = 1;
  readonly holdMs = undefined;
  readonly tokens: number | undefined;
  readonly amountNanos: number;

  constructor(
    private readonly call: DebitCall,
    private readonly caller: Caller,
    amountNanos: bigint,
  ) {
    this.tokens = usedTokens(call.tokens);
    this.amountNanos = countOf(amountNanos);
  }

  groupValue(key: GroupKey): string {
    return valueOf(key, this.caller, this.call);
  }
}

/**
 * No call at all: how the limits of an owner stand for one request of that group. Where none is given, it is that of
 * the owner and of those above it.
 */
export class CountedLook implements CountedCall {
  readonly requests = 1;
  readonly tokens = undefined;
  readonly amountNanos = undefined;
  readonly holdMs = undefined;

  constructor(
    private readonly owners: Caller,
    private readonly group: GroupValues,
  ) {}

  groupValue(key: GroupKey): string {
    if (Object.hasOwn(this.group, key)) return this.group[key] ?? '';
    return valueOf(key, this.owners, NO_TARGET);
  }
}

/** All kinds together; undefined if none was told. */
export function usedTokens({ input, cachedInput, output, reasoning }: TokenCounts) {
  const used = input + cachedInput + output + reasoning;
  return used === 0n ? undefined : countOf(used);
}

const LABEL = 'label:';

type Target = Pick<CallTarget, 'provider' | 'model' | 'labels'>;

const NO_TARGET: Target = { provider: '', model: '', labels: {} };

function valueOf(key: GroupKey, caller: Caller, { provider, model, labels }: Target): string {
  switch (key) {
    case 'virtual_key':
      return caller.virtualKeyId;
    case 'team':
      return caller.teamId;
    case 'customer':
      return caller.customerId;
    case 'provider':
      return provider;
    case 'model':
      return model;
    default:
      return labelOf(labels, key.slice(LABEL.length));
  }
}

/** `Object.hasOwn`, since a label may be called `constructor`. */
const labelOf = (labels: CallTarget['labels'], name: string): string =>
  Object.hasOwn(labels, name) ? (labels[name] ?? '') : '';
