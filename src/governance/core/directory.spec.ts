import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  budget,
  customer,
  limit,
  price,
  team,
  virtualKey,
} from '../../../test/contract/policy-store-records.js';
import { matching } from '../../../test/support/matching.js';
import type { Change } from './changes.js';
import { Directory } from './directory.js';
import type { Limit, Match, Owner, RecordByKind, RecordKind } from './model.js';
import type { Call } from './policy-group.js';

const put = <K extends RecordKind>(kind: K, record: RecordByKind[K]): Change =>
  ({ kind, id: record.id, record }) as Change;

function directoryOf(...changes: Change[]): Directory {
  const directory = new Directory();
  directory.apply({ kind: 'everything', version: 1n, changes });
  return directory;
}

const CALL: Call = { provider: 'openai', model: 'gpt-5', labels: {} };
const of = (kind: Owner['kind'], id: string): Owner => ({ kind, id });

const limitIds = (directory: Directory, keyId: string | undefined, call = CALL): string[] => {
  const known = keyId === undefined ? undefined : directory.findKey(keyId);
  return matching(directory.chainOf(known), call).limits.map(({ id }) => id);
};

const FAMILY = [
  put('customer', customer({ id: 'c' })),
  put('team', team({ id: 't', customerId: 'c' })),
  put('virtual_key', virtualKey({ id: 'k', teamId: 't', customerId: 'c' })),
  put('virtual_key', virtualKey({ id: 'other' })),
];

describe('a directory', () => {
  it('lists policies from the root to the key, by id within an owner', () => {
    const owners = [of('virtual_key', 'k'), of('team', 't'), of('customer', 'c'), of('root', '')];
    const limits = owners.flatMap((owner) =>
      ['2', '1', '3'].map((n) => put('limit', limit({ id: `${owner.kind}-${n}`, owner }))),
    );
    expect(limitIds(directoryOf(...FAMILY, ...limits), 'k')).toEqual(
      ['root', 'customer', 'team', 'virtual_key'].flatMap((kind) =>
        ['1', '2', '3'].map((n) => `${kind}-${n}`),
      ),
    );
  });

  it('gives a call without a key the policies of the root', () => {
    const directory = directoryOf(
      ...FAMILY,
      put('limit', limit({ id: 'root' })),
      put('limit', limit({ id: 'key', owner: of('virtual_key', 'k') })),
    );
    expect(limitIds(directory, undefined)).toEqual(['root']);
    expect(limitIds(directory, 'other')).toEqual(['root']);
  });

  it('finds keys by the hash of their secret, and follows a rotation', () => {
    const directory = directoryOf(...FAMILY);
    expect(directory.findKeyBySecretHash('hash of k')?.key.id).toBe('k');
    const rotated = put('virtual_key', virtualKey({ id: 'k', secretHash: 'new' }));
    directory.apply({ kind: 'changes', version: 2n, changes: [rotated] });
    expect(directory.findKeyBySecretHash('hash of k')).toBeUndefined();
    expect(directory.findKeyBySecretHash('new')?.key.id).toBe('k');
  });

  it('finds prices by provider and model', () => {
    const directory = directoryOf(put('price', price()));
    expect(directory.findPrice('openai', 'gpt-5')?.id).toBe('price');
    expect(directory.findPrice('openai', 'gpt-4')).toBeUndefined();
    expect(directory.findPrice('constructor', 'gpt-5')).toBeUndefined();
  });

  it('keeps a price that took over the name of one deleted in the same update', () => {
    const directory = directoryOf(put('price', price({ id: 'old' })));
    const deletion: Change = { kind: 'price', id: 'old', record: undefined };
    const changes = [put('price', price({ id: 'new' })), deletion];
    directory.apply({ kind: 'changes', version: 2n, changes });
    expect(directory.findPrice('openai', 'gpt-5')?.id).toBe('new');
  });

  it('raises its epoch with each update, and ignores old ones', () => {
    const directory = directoryOf(...FAMILY);
    const { epoch } = directory;
    directory.apply({ kind: 'changes', version: 1n, changes: [put('limit', limit())] });
    expect([directory.epoch, directory.get('limit', 'lim')]).toEqual([epoch, undefined]);
    directory.apply({ kind: 'changes', version: 3n, changes: [put('limit', limit())] });
    expect(directory.epoch).toBeGreaterThan(epoch);
    expect(directory.version).toBe(3n);
  });

  it('knows whose policies there are none of, and who there is not', () => {
    const directory = directoryOf(...FAMILY);
    expect(directory.policiesOf(of('team', 't'))).toEqual({ limits: [], budgets: [] });
    expect(directory.policiesOf(of('root', ''))).toEqual({ limits: [], budgets: [] });
    expect(directory.policiesOf(of('team', 'x'))).toBeUndefined();
  });

  it('tells an owner and those above it', () => {
    const alone = put('virtual_key', virtualKey({ id: 'alone', customerId: 'c' }));
    const directory = directoryOf(...FAMILY, alone, put('team', team({ id: 'free' })));
    const line = (kind: Owner['kind'], id: string) => {
      const { virtualKeyId, teamId, customerId } = directory.lineOf(of(kind, id));
      return [virtualKeyId, teamId, customerId];
    };
    expect(line('virtual_key', 'k')).toEqual(['k', 't', 'c']);
    expect(line('virtual_key', 'alone')).toEqual(['alone', '', 'c']);
    expect(line('virtual_key', 'other')).toEqual(['other', '', '']);
    expect(line('team', 't')).toEqual(['', 't', 'c']);
    expect(line('team', 'free')).toEqual(['', 'free', '']);
    expect(line('customer', 'c')).toEqual(['', '', 'c']);
    expect(line('root', '')).toEqual(['', '', '']);
  });

  it('goes on without a team that is not there yet', () => {
    const directory = directoryOf(
      put('virtual_key', virtualKey({ id: 'k', teamId: 'missing', customerId: 'missing' })),
      put('limit', limit()),
    );
    expect(limitIds(directory, 'k')).toEqual(['lim']);
  });
});

describe('a match', () => {
  const applies = (match: Partial<Match>, call: Partial<Call>): boolean => {
    const all = { providers: [], models: [], labels: {}, ...match };
    const directory = directoryOf(put('limit', limit({ match: all })));
    return limitIds(directory, undefined, { ...CALL, ...call }).length === 1;
  };

  it('wants a label that is there, even one with the name of a method', () => {
    expect(applies({ labels: { constructor: '*' } }, { labels: {} })).toBe(false);
    expect(applies({ labels: { constructor: '*' } }, { labels: { constructor: 'x' } })).toBe(true);
    expect(applies({ labels: { team: '' } }, { labels: {} })).toBe(false);
    expect(applies({ labels: { team: '' } }, { labels: { team: '' } })).toBe(true);
  });

  it('takes a pattern among exact names', () => {
    const models = ['o3', 'gpt-*'];
    expect(applies({ models }, { model: 'gpt-5' })).toBe(true);
    expect(applies({ models }, { model: 'o3' })).toBe(true);
    expect(applies({ models }, { model: 'o3-mini' })).toBe(false);
  });
});

/** As slow and as plain as it can be said. */
class NaiveDirectory {
  readonly records = new Map<string, Change>();

  apply(change: Change): void {
    if (change.record === undefined) this.records.delete(`${change.kind} ${change.id}`);
    else this.records.set(`${change.kind} ${change.id}`, change);
  }

  limitIds(keyId: string, call: Call): string[] {
    const get = (kind: string, id: string | undefined) => this.records.get(`${kind} ${id}`)?.record;
    const key = get('virtual_key', keyId);
    const teamId = key !== undefined && 'teamId' in key ? key.teamId : undefined;
    const itsTeam = get('team', teamId);
    const from = itsTeam !== undefined && 'customerId' in itsTeam ? itsTeam.customerId : undefined;
    const own = key !== undefined && 'teamId' in key ? key.customerId : undefined;
    const chain = [of('root', ''), of('customer', from ?? own ?? '-')];
    chain.push(of('team', teamId ?? '-'), of('virtual_key', keyId));
    return chain.flatMap((owner) => this.limitsOf(owner, call));
  }

  private limitsOf(owner: Owner, call: Call): string[] {
    return [...this.records.values()]
      .flatMap((change) => (change.kind === 'limit' && change.record ? [change.record] : []))
      .filter((each) => each.owner.kind === owner.kind && each.owner.id === owner.id)
      .filter((each) => naivelyApplies(each, call))
      .map(({ id }) => id)
      .sort();
  }
}

function naivelyApplies({ match }: Limit, call: Call): boolean {
  const matches = (patterns: readonly string[], name: string) =>
    patterns.length === 0 ||
    patterns.some((p) => (p.endsWith('*') ? name.startsWith(p.slice(0, -1)) : p === name));
  return (
    matches(match.providers, call.provider) &&
    matches(match.models, call.model) &&
    Object.entries(match.labels).every(
      ([name, value]) =>
        Object.keys(call.labels).includes(name) && (value === '*' || call.labels[name] === value),
    )
  );
}

describe('the law of the directory', () => {
  const few = (...names: string[]) => fc.constantFrom(...names);
  const name = few('a', 'ab', 'abc', 'b');
  const pattern = few('a', 'ab', 'abc', 'b', 'a*', 'ab*', '*');
  const labels = fc.dictionary(few('x', 'y', 'constructor'), few('1', '2', '*'), { maxKeys: 2 });
  const owner = fc.oneof(
    fc.constant(of('root', '')),
    few('c1', 'c2').map((id) => of('customer', id)),
    few('t1', 't2').map((id) => of('team', id)),
    few('k1', 'k2').map((id) => of('virtual_key', id)),
  );
  const ref = (...ids: string[]) => fc.constantFrom(undefined, ...ids);
  const match = fc.record({
    providers: fc.array(pattern, { maxLength: 2 }),
    models: fc.array(pattern, { maxLength: 2 }),
    labels,
  });
  const change: fc.Arbitrary<Change> = fc.oneof(
    few('c1', 'c2').map((id) => put('customer', customer({ id }))),
    fc
      .record({ id: few('t1', 't2'), customerId: ref('c1', 'c2') })
      .map((fields) => put('team', team(fields))),
    fc
      .record({ id: few('k1', 'k2'), teamId: ref('t1', 't2'), customerId: ref('c1', 'c2') })
      .map((fields) => put('virtual_key', virtualKey(fields))),
    fc
      .record({ id: few('l1', 'l2', 'l3', 'l4'), owner, match })
      .map((fields) => put('limit', limit(fields))),
    fc.record({ id: few('b1', 'b2'), owner }).map((fields) => put('budget', budget(fields))),
    fc
      .record({
        kind: few('customer', 'team', 'virtual_key', 'limit', 'budget'),
        id: few('c1', 't1', 'k1', 'l1', 'l2', 'b1'),
      })
      .map(({ kind, id }) => ({ kind, id, record: undefined }) as Change),
  );
  const call = fc.record({
    provider: name,
    model: name,
    labels: fc.dictionary(few('x', 'y', 'constructor'), few('1', '2'), { maxKeys: 3 }),
  });

  it('is a naive search over all records, after whatever changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), call, (changes, asked) => {
        const directory = new Directory();
        const naive = new NaiveDirectory();
        changes.forEach((each, i) => {
          directory.apply({ kind: 'changes', version: BigInt(i), changes: [each] });
          naive.apply(each);
          // Prepared matchers must not survive a change of what they were made from.
          limitIds(directory, 'k1', asked);
        });
        for (const keyId of ['k1', 'k2'].filter((id) => directory.get('virtual_key', id))) {
          expect(limitIds(directory, keyId, asked)).toEqual(naive.limitIds(keyId, asked));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is the same for all changes at once, and for each change twice', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), call, (changes, asked) => {
        const once = directoryOf(...changes);
        const twice = directoryOf(...changes.flatMap((each) => [each, each]));
        for (const keyId of ['k1', 'k2']) {
          expect(limitIds(twice, keyId, asked)).toEqual(limitIds(once, keyId, asked));
        }
      }),
    );
  });
});
