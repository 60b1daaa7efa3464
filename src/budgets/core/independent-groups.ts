/**
 * Cuts items into groups that a store may decide with one look at what it knows: within a group no key
 * comes twice, and nothing refers to a reservation that the group itself makes. What repeats the item
 * just before it, with key and body, shares its answer. The order of arrival is kept.
 */
import { present } from '../../common/assert.js';
import type { LedgerItem, ReservationName } from './ledger-item.js';

export interface IndependentGroup {
  readonly items: readonly LedgerItem[];
  /** For each item as it arrived: which of {@link items} answers it, and whether as a repetition. */
  readonly places: readonly { readonly item: number; readonly isRepeated: boolean }[];
}

export function independentGroups(items: readonly LedgerItem[]): readonly IndependentGroup[] {
  const groups: GroupBuilder[] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (last !== undefined && last.add(item)) continue;
    const next = new GroupBuilder();
    next.add(item);
    groups.push(next);
  }
  return groups;
}

class GroupBuilder implements IndependentGroup {
  readonly items: LedgerItem[] = [];
  readonly places: { item: number; isRepeated: boolean }[] = [];
  private readonly made = new Map<string, { item: number; body: string }>();
  private readonly referred = new Set<string>();

  /** False if the item has to wait for the group. */
  add(item: LedgerItem): boolean {
    const { makes, body, refers } = namesOf(item);
    const repeated = makes[0] === undefined ? undefined : this.made.get(makes[0]);
    if (repeated !== undefined) return this.repeat(repeated, body);
    if (makes.some((name) => this.made.has(name) || this.referred.has(name))) return false;
    if (refers.some((name) => this.made.has(name))) return false;
    const index = this.items.push(item) - 1;
    this.places.push({ item: index, isRepeated: false });
    for (const name of makes) this.made.set(name, { item: index, body });
    for (const name of refers) this.referred.add(name);
    return true;
  }

  private repeat(repeated: { item: number; body: string }, body: string): boolean {
    const isJustBefore = repeated.item === this.items.length - 1;
    if (!isJustBefore || repeated.body !== body) return false;
    this.places.push({ item: repeated.item, isRepeated: true });
    return true;
  }
}

interface Names {
  readonly makes: readonly string[];
  readonly body: string;
  readonly refers: readonly string[];
}

function namesOf(item: LedgerItem): Names {
  switch (item.kind) {
    case 'hold': {
      const makes = [
        nameOf(item.scope, { kind: 'key', key: item.reservationKey }),
        nameOf(item.scope, { kind: 'id', id: item.id }),
      ];
      return { makes, body: item.bodyHash, refers: [] };
    }
    case 'debit': {
      const { scope, idempotencyKey, bodyHash } = item.debit;
      const refers = item.reservation === undefined ? [] : [nameOf(scope, item.reservation)];
      return { makes: [JSON.stringify(['debit', scope, idempotencyKey])], body: bodyHash, refers };
    }
    case 'release':
    case 'extend':
      return { makes: [], body: '', refers: [nameOf(item.scope, item.reservation)] };
    case 'expire':
      return {
        makes: [],
        body: '',
        refers: [nameOf(item.scope, { kind: 'id', id: item.reservationId })],
      };
  }
}

const nameOf = (scope: string, name: ReservationName): string =>
  JSON.stringify([name.kind, scope, name.kind === 'id' ? name.id : name.key]);

/** Answers as the items arrived, from the answers of the group's items. */
export function answersInOrder<Answer>(
  group: IndependentGroup,
  answers: readonly Answer[],
  repeated: (answer: Answer) => Answer,
): readonly Answer[] {
  return group.places.map(({ item, isRepeated }) => {
    const answer = present(answers[item], 'every item has an answer');
    return isRepeated ? repeated(answer) : answer;
  });
}
