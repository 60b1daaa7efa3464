import type { Budget, Limit, Match } from './model.js';
import { prepareNames } from './name-pattern.js';

/** What a policy's match looks at. */
export interface Call {
  readonly provider: string;
  readonly model: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** All policies of one owner, in the order of ids. */
export interface Policies {
  readonly limits: readonly Limit[];
  readonly budgets: readonly Budget[];
}

/** Whether a policy applies to a call. */
export type Applies = (call: Call) => boolean;

export interface Prepared<P> {
  readonly policy: P;
  /** Undefined: to every call of the owner. */
  readonly applies: Applies | undefined;
}

/**
 * The policies of one owner. Conditions are prepared once for each change, not for each call: there are
 * thousands of calls for each change. Preparing waits for the first call, so that loading a million
 * policies does not prepare each owner's again and again.
 */
export class PolicyGroup {
  /**
   * A place for whoever decides, to keep what it has made of these policies: it is emptied when one of
   * them changes. Here and not in a map of its own, since a million owners have one each.
   */
  plan: object | undefined;
  private readonly limits: Limit[] = [];
  private readonly budgets: Budget[] = [];

  /** Whether the labels of a call decide what applies to it. */
  looksAtLabels(): boolean {
    return [...this.limits, ...this.budgets].some(({ match }) => hasLabels(match));
  }

  isEmpty(): boolean {
    return this.limits.length === 0 && this.budgets.length === 0;
  }

  /** All policies of the owner, whatever they apply to. */
  all(): Policies {
    return { limits: [...this.limits], budgets: [...this.budgets] };
  }

  putLimit(limit: Limit): void {
    putSorted(this.limits, limit);
    this.plan = undefined;
  }

  putBudget(budget: Budget): void {
    putSorted(this.budgets, budget);
    this.plan = undefined;
  }

  removeLimit(id: string): void {
    removeSorted(this.limits, id);
    this.plan = undefined;
  }

  removeBudget(id: string): void {
    removeSorted(this.budgets, id);
    this.plan = undefined;
  }

  /** The limits in the order of their ids, with their conditions prepared. */
  prepareLimits(): readonly Prepared<Limit>[] {
    return prepareAll(this.limits);
  }

  prepareBudgets(): readonly Prepared<Budget>[] {
    return prepareAll(this.budgets);
  }
}

function prepareAll<P extends { readonly match: Match }>(
  policies: readonly P[],
): readonly Prepared<P>[] {
  return policies.map((policy) => ({ policy, applies: prepareMatch(policy.match) }));
}

function prepareMatch(match: Match): Applies | undefined {
  const provider = prepareNames(match.providers);
  const model = prepareNames(match.models);
  const labels = prepareLabels(match.labels);
  if (provider === undefined && model === undefined && labels === undefined) return undefined;
  return (call) =>
    (provider === undefined || provider(call.provider)) &&
    (model === undefined || model(call.model)) &&
    (labels === undefined || labels(call.labels));
}

const hasLabels = ({ labels }: Match): boolean => Object.keys(labels).length > 0;

function prepareLabels(wanted: Match['labels']): ((labels: Call['labels']) => boolean) | undefined {
  const entries = Object.entries(wanted);
  if (entries.length === 0) return undefined;
  return (labels) => entries.every(([name, value]) => hasLabel(labels, name, value));
}

/** `Object.hasOwn`, since a label may be called `constructor`. */
function hasLabel(labels: Call['labels'], name: string, value: string): boolean {
  return Object.hasOwn(labels, name) && (value === '*' || labels[name] === value);
}

interface Identified {
  readonly id: string;
}

function putSorted<T extends Identified>(items: T[], item: T): void {
  const index = indexOf(items, item.id);
  items.splice(index, items[index]?.id === item.id ? 1 : 0, item);
}

function removeSorted(items: Identified[], id: string): void {
  const index = indexOf(items, id);
  if (items[index]?.id === id) items.splice(index, 1);
}

/** Where `id` is, or would have to be. */
function indexOf(items: readonly Identified[], id: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle]?.id ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
