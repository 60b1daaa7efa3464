import { DomainError } from '../../common/domain-error.js';
import type { FieldsByKind } from './drafts.js';
import type { Owner, RecordKind } from './model.js';
import { quote } from './violations.js';

/** A record that another one names and that has to exist for as long as it does. */
export interface Reference {
  /** Path of the field that names it. */
  readonly field: string;
  readonly kind: RecordKind;
  readonly id: string;
}

/** How many records of each kind name one record. */
export type Dependents = Readonly<Partial<Record<RecordKind, number>>>;

const WORDS: Readonly<Record<RecordKind, readonly [one: string, many: string]>> = {
  customer: ['customer', 'customers'],
  team: ['team', 'teams'],
  virtual_key: ['virtual key', 'virtual keys'],
  limit: ['limit', 'limits'],
  budget: ['budget', 'budgets'],
  price: ['price', 'prices'],
};

export function referencesOf<K extends RecordKind>(
  kind: K,
  fields: FieldsByKind[K],
): readonly Reference[] {
  return FINDERS[kind](fields);
}

export function missingReference({ field, kind, id }: Reference): DomainError {
  const description = `there is no ${WORDS[kind][0]} ${quote(id)}; create it first`;
  return new DomainError('FAILED_PRECONDITION', `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

export function notFound(kind: RecordKind, id: string): DomainError {
  return new DomainError('NOT_FOUND', `there is no ${WORDS[kind][0]} ${quote(id)}`);
}

export function alreadyExists(kind: RecordKind, field: string, value: string): DomainError {
  const description = `there is a ${WORDS[kind][0]} ${quote(value)} already; update it, or choose another`;
  return new DomainError('ALREADY_EXISTS', `${field}: ${description}`, {
    violations: [{ field, description }],
  });
}

/** Why a record cannot be deleted, or undefined if nothing depends on it. */
export function stillInUse(
  kind: RecordKind,
  id: string,
  dependents: Dependents,
): DomainError | undefined {
  const parts = (Object.keys(WORDS) as RecordKind[]).flatMap((each) => {
    const count = dependents[each] ?? 0;
    return count === 0 ? [] : [`${count} ${WORDS[each][count === 1 ? 0 : 1]}`];
  });
  if (parts.length === 0) return undefined;
  return new DomainError(
    'FAILED_PRECONDITION',
    `the ${WORDS[kind][0]} ${quote(id)} still has ${parts.join(', ')}; delete these first`,
  );
}

const FINDERS: { readonly [K in RecordKind]: (fields: FieldsByKind[K]) => readonly Reference[] } = {
  customer: () => [],
  team: (team) => [...reference('team.customer_id', 'customer', team.customerId)],
  virtual_key: (key) => [
    ...reference('virtual_key.team_id', 'team', key.teamId),
    ...reference('virtual_key.customer_id', 'customer', key.customerId),
  ],
  limit: (limit) => ownerReference('limit.owner.id', limit.owner),
  budget: (budget) => ownerReference('budget.owner.id', budget.owner),
  price: () => [],
};

function ownerReference(field: string, owner: Owner): readonly Reference[] {
  return owner.kind === 'root' ? [] : reference(field, owner.kind, owner.id);
}

function reference(field: string, kind: RecordKind, id: string | undefined): readonly Reference[] {
  return id === undefined ? [] : [{ field, kind, id }];
}
