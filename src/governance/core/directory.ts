import { isUnrestricted } from './access.js';
import type { Change, Update } from './changes.js';
import type {
  Budget,
  Limit,
  Owner,
  OwnerKind,
  Price,
  RecordByKind,
  RecordKind,
  VirtualKey,
} from './model.js';
import { type Policies, PolicyGroup } from './policy-group.js';

/** Whose policies a call meets above its key: one object for all keys of a team, until anything changes. */
export class OwnersAbove {
  /** A place for whoever decides, to keep what it has made of the groups. */
  plan: object | undefined;

  constructor(
    /** Empty if there is none. */
    readonly customerId: string,
    /** Root, customer, team: as far as they have policies. */
    readonly groups: readonly PolicyGroup[],
  ) {}
}

const NOBODY = new OwnersAbove('', []);

/** A key, its team and its customer. Ids are empty where there is no such owner. */
export interface OwnerLine {
  readonly virtualKeyId: string;
  readonly teamId: string;
  readonly customerId: string;
}

/** What a key says of the owners above it. */
type Membership = Pick<Partial<VirtualKey>, 'teamId' | 'customerId'>;

/** Whose a call is, and whose policies it meets. Up to date when {@link Directory.chainOf} gives it. */
export interface Chain extends OwnerLine {
  readonly above: OwnersAbove;
  /** The key's own policies, if it has any. */
  readonly own: PolicyGroup | undefined;
  /** A place for whoever decides, to keep what it has made of the key's own policies. */
  plan: object | undefined;
  /** Nothing has to be asked of the key. */
  readonly isUnrestricted: boolean;
}

/** What is found once for each epoch, not for each call. */
abstract class KnownChain implements Chain {
  abstract readonly virtualKeyId: string;
  abstract readonly teamId: string;
  abstract readonly isUnrestricted: boolean;
  epoch = -1;
  above = NOBODY;
  own: PolicyGroup | undefined = undefined;
  plan: object | undefined = undefined;

  get customerId(): string {
    return this.above.customerId;
  }
}

/**
 * A key as calls find it. It is a chain itself, and has beside the key what every call asks of it: each
 * object more would be elsewhere in memory, a million times (ADR 0043).
 */
export class KnownKey extends KnownChain {
  readonly virtualKeyId: string;
  readonly teamId: string;
  readonly isUnrestricted: boolean;

  constructor(readonly key: VirtualKey) {
    super();
    this.virtualKeyId = key.id;
    this.teamId = key.teamId ?? '';
    this.isUnrestricted = isUnrestricted(key);
  }
}

class NoKey extends KnownChain {
  readonly virtualKeyId = '';
  readonly teamId = '';
  readonly isUnrestricted = true;
}

type Records = { readonly [K in RecordKind]: Map<string, RecordByKind[K]> };

/**
 * All that operators have declared, in the memory of a replica: the state of the store at `version`.
 * Look-ups are by hash map and cost the same for ten keys and for a million. Changes that come twice or
 * that are newer than `version` says do no harm: each carries the full state of its record.
 *
 * Records may refer to others that are not (or no longer) here, for the moment between two refreshes; a
 * missing team or customer then has no policies.
 */
export class Directory {
  private readonly records: Records = {
    customer: new Map(),
    team: new Map(),
    virtual_key: new Map(),
    limit: new Map(),
    budget: new Map(),
    price: new Map(),
  };
  private readonly keysById = new Map<string, KnownKey>();
  private readonly keysByHash = new Map<string, KnownKey>();
  private readonly nobody = new NoKey();
  /** By team and customer of the key, since the last change. */
  private readonly above = new Map<string, OwnersAbove>();
  private readonly groups: { readonly [K in OwnerKind]: Map<string, PolicyGroup> } = {
    root: new Map(),
    customer: new Map(),
    team: new Map(),
    virtual_key: new Map(),
  };
  private readonly prices = new Map<string, Map<string, Price>>();
  private currentVersion = -1n;
  private currentEpoch = 0;

  /** The version of the store that this is. -1 before the first load. */
  get version(): bigint {
    return this.currentVersion;
  }

  /** Rises whenever anything here changes, so that what was derived from it can be kept until then. */
  get epoch(): number {
    return this.currentEpoch;
  }

  /** Takes over an update. One that is older than what is here changes nothing. */
  apply(update: Update): void {
    if (update.kind === 'changes' && update.version <= this.currentVersion) return;
    this.currentEpoch++;
    this.above.clear();
    if (update.kind === 'everything') this.clear();
    for (const change of update.changes) this.applyChange(change);
    this.currentVersion = update.version;
  }

  get<K extends RecordKind>(kind: K, id: string): RecordByKind[K] | undefined {
    return this.records[kind].get(id);
  }

  count(kind: RecordKind): number {
    return this.records[kind].size;
  }

  findKey(id: string): KnownKey | undefined {
    return this.keysById.get(id);
  }

  findKeyBySecretHash(hash: string): KnownKey | undefined {
    return this.keysByHash.get(hash);
  }

  findPrice(provider: string, model: string): Price | undefined {
    return this.prices.get(provider)?.get(model);
  }

  /** The chain of a key, or without one: of the root alone. */
  chainOf(known: KnownKey | undefined): Chain {
    const chain = known ?? this.nobody;
    if (chain.epoch === this.currentEpoch) return chain;
    chain.above = this.ownersAbove(known?.key);
    chain.own = known && this.groups.virtual_key.get(known.virtualKeyId);
    chain.plan = undefined;
    chain.epoch = this.currentEpoch;
    return chain;
  }

  /** All policies of one owner. Undefined: there is no such owner. */
  policiesOf(owner: Owner): Policies | undefined {
    if (owner.kind !== 'root' && !this.records[owner.kind].has(owner.id)) return undefined;
    return this.groups[owner.kind].get(owner.id)?.all() ?? { limits: [], budgets: [] };
  }

  /** The owner itself and those above it. Ids are empty where there is no such owner. */
  lineOf(owner: Owner): OwnerLine {
    if (owner.kind === 'virtual_key') return this.chainOf(this.findKey(owner.id));
    const teamId = owner.kind === 'team' ? owner.id : '';
    if (owner.kind === 'customer') return { virtualKeyId: '', teamId, customerId: owner.id };
    const above = this.ownersAbove(owner.kind === 'team' ? { teamId } : undefined);
    return { virtualKeyId: '', teamId, customerId: above.customerId };
  }

  private ownersAbove(key: Membership | undefined): OwnersAbove {
    const name = `${key?.teamId ?? ''}\0${key?.customerId ?? ''}`;
    const known = this.above.get(name);
    if (known !== undefined) return known;
    const found = this.findAbove(key);
    this.above.set(name, found);
    return found;
  }

  private findAbove(key: Membership | undefined): OwnersAbove {
    const team = key?.teamId === undefined ? undefined : this.records.team.get(key.teamId);
    const customerId = team?.customerId ?? key?.customerId;
    const customer = customerId === undefined ? undefined : this.records.customer.get(customerId);
    const groups: PolicyGroup[] = [];
    addGroup(groups, this.groups.root, '');
    addGroup(groups, this.groups.customer, customerId);
    addGroup(groups, this.groups.team, key?.teamId);
    return new OwnersAbove(customer?.id ?? key?.customerId ?? '', groups);
  }

  private clear(): void {
    for (const map of Object.values(this.records)) map.clear();
    for (const map of Object.values(this.groups)) map.clear();
    this.keysById.clear();
    this.keysByHash.clear();
    this.prices.clear();
  }

  private applyChange(change: Change): void {
    switch (change.kind) {
      case 'customer':
        replace(this.records.customer, change);
        return;
      case 'team':
        replace(this.records.team, change);
        return;
      case 'virtual_key':
        this.reindexKey(replace(this.records.virtual_key, change), change.record);
        return;
      case 'limit':
        this.reindexLimit(replace(this.records.limit, change), change.record);
        return;
      case 'budget':
        this.reindexBudget(replace(this.records.budget, change), change.record);
        return;
      case 'price':
        this.reindexPrice(replace(this.records.price, change), change.record);
    }
  }

  private reindexKey(before: VirtualKey | undefined, after: VirtualKey | undefined): void {
    if (before !== undefined) {
      this.keysById.delete(before.id);
      this.keysByHash.delete(before.secretHash);
    }
    if (after === undefined) return;
    const known = new KnownKey(after);
    this.keysById.set(after.id, known);
    this.keysByHash.set(after.secretHash, known);
  }

  private reindexLimit(before: Limit | undefined, after: Limit | undefined): void {
    if (before !== undefined) {
      this.changeGroup(before.owner, (group) => group.removeLimit(before.id));
    }
    if (after !== undefined) this.changeGroup(after.owner, (group) => group.putLimit(after));
  }

  private reindexBudget(before: Budget | undefined, after: Budget | undefined): void {
    if (before !== undefined) {
      this.changeGroup(before.owner, (group) => group.removeBudget(before.id));
    }
    if (after !== undefined) this.changeGroup(after.owner, (group) => group.putBudget(after));
  }

  private reindexPrice(before: Price | undefined, after: Price | undefined): void {
    if (before !== undefined) {
      const models = this.prices.get(before.provider);
      // Another record may have taken the name over in the same update.
      if (models?.get(before.model)?.id === before.id) models.delete(before.model);
      if (models?.size === 0) this.prices.delete(before.provider);
    }
    if (after !== undefined) {
      const models = this.prices.get(after.provider) ?? new Map<string, Price>();
      this.prices.set(after.provider, models.set(after.model, after));
    }
  }

  private changeGroup(owner: Owner, change: (group: PolicyGroup) => void): void {
    const groups = this.groups[owner.kind];
    const group = groups.get(owner.id) ?? new PolicyGroup();
    change(group);
    if (group.isEmpty()) groups.delete(owner.id);
    else groups.set(owner.id, group);
  }
}

function addGroup(
  chain: PolicyGroup[],
  groups: ReadonlyMap<string, PolicyGroup>,
  id: string | undefined,
): void {
  const group = id === undefined ? undefined : groups.get(id);
  if (group !== undefined) chain.push(group);
}

/** Puts the record in place, or takes it away; the one that was there before. */
function replace<T>(
  records: Map<string, T>,
  change: { readonly id: string; readonly record: T | undefined },
): T | undefined {
  const before = records.get(change.id);
  if (change.record === undefined) records.delete(change.id);
  else records.set(change.id, change.record);
  return before;
}
