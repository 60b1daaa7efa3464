import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  budget,
  customer,
  limit,
  team,
  virtualKey,
} from '../../test/contract/policy-store-records.js';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import { WeirConfig } from '../config/weir-config.js';
import type { Change } from '../governance/core/changes.js';
import { Directory } from '../governance/core/directory.js';
import type { Budget, Limit, Match, Owner } from '../governance/core/model.js';
import type { Call } from '../governance/core/policy-group.js';
import { CountedLook } from './counted-call.js';
import { MatchedPolicies } from './matched-policies.js';

const REPLICA = ReplicaIdentity.of(new WeirConfig());
const NOBODY = { virtualKeyId: '', teamId: '', customerId: '' };
const KEYS = ['k1', 'k2', 'k3'];
const RANK = ['root', 'customer', 'team', 'virtual_key'] as const;

const id = (prefix: string, most: number) =>
  fc.integer({ min: 1, max: most }).map((n) => `${prefix}${n}`);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const owner: fc.Arbitrary<Owner> = fc.oneof(
  fc.constant<Owner>({ kind: 'root', id: '' }),
  id('c', 2).map((customerId): Owner => ({ kind: 'customer', id: customerId })),
  id('t', 2).map((teamId): Owner => ({ kind: 'team', id: teamId })),
  id('k', 3).map((keyId): Owner => ({ kind: 'virtual_key', id: keyId })),
);
const names = (...known: string[]) => fc.subarray([...known, '*']);
const someLabels = fc.dictionary(fc.constantFrom('env', 'app'), fc.constantFrom('prod', '*'), {
  maxKeys: 2,
});
/** Mostly none: where no policy looks at labels, what applies to a model is remembered. */
const fewLabels = fc.oneof({ weight: 9, arbitrary: fc.constant({}) }, someLabels);
const match: fc.Arbitrary<Match> = fc.record({
  providers: names('openai', 'azure'),
  models: names('gpt-4', 'gpt-5', 'gpt-*', 'o*'),
  labels: fewLabels,
});
const call: fc.Arbitrary<Call> = fc.record({
  provider: fc.constantFrom('openai', 'azure', ''),
  model: fc.constantFrom('gpt-4', 'gpt-5', 'o3', ''),
  labels: fc.dictionary(fc.constantFrom('env', 'app'), fc.constantFrom('prod', 'test')),
});

/** A record put in place or, one time in four, taken away; in whatever order. */
const change: fc.Arbitrary<Change> = fc
  .tuple(
    fc.oneof(
      id('c', 2).map((cid): Change => ({
        kind: 'customer',
        id: cid,
        record: customer({ id: cid }),
      })),
      fc
        .record({ id: id('t', 2), customerId: maybe(id('c', 2)) })
        .map((its): Change => ({ kind: 'team', id: its.id, record: team(its) })),
      fc
        .record({ id: id('k', 3), teamId: maybe(id('t', 2)), customerId: maybe(id('c', 2)) })
        .map((its): Change => {
          const record = virtualKey({ ...its, secretHash: `hash of ${its.id}` });
          return { kind: 'virtual_key', id: its.id, record };
        }),
      fc
        .record({ id: id('l', 6), owner, match })
        .map((its): Change => ({ kind: 'limit', id: its.id, record: limit(its) })),
      fc
        .record({ id: id('b', 4), owner, match })
        .map((its): Change => ({ kind: 'budget', id: its.id, record: budget(its) })),
    ),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(([put, lot]) => (lot === 0 ? { ...put, record: undefined } : put));

/** Every policy there is, looked at for every call. */
class NaiveScan {
  private readonly records = new Map<string, Change>();

  apply(each: Change): void {
    const name = `${each.kind} ${each.id}`;
    if (each.record === undefined) this.records.delete(name);
    else this.records.set(name, each);
  }

  match(keyId: string, of: Call): { limits: string[]; budgets: string[] } {
    const owners = this.ownersOf(keyId);
    const found = [...this.records.values()].flatMap(({ kind, record }) =>
      (kind === 'limit' || kind === 'budget') && record !== undefined
        ? [{ kind, policy: record }]
        : [],
    );
    const applying = found
      .filter(({ policy }) => owners.get(policy.owner.kind) === policy.owner.id)
      .filter(({ policy }) => meets(policy.match, of))
      .sort((a, b) => rank(a.policy) - rank(b.policy) || (a.policy.id < b.policy.id ? -1 : 1));
    const idsOf = (wanted: string) =>
      applying.filter(({ kind }) => kind === wanted).map(({ policy }) => policy.id);
    return { limits: idsOf('limit'), budgets: idsOf('budget') };
  }

  private ownersOf(keyId: string): ReadonlyMap<string, string | undefined> {
    const key = this.records.get(`virtual_key ${keyId}`);
    const { teamId, customerId } =
      key?.kind === 'virtual_key' && key.record !== undefined
        ? key.record
        : { teamId: undefined, customerId: undefined };
    const itsTeam = this.records.get(`team ${teamId}`);
    const ofTeam = itsTeam?.kind === 'team' ? itsTeam.record?.customerId : undefined;
    return new Map([
      ['root', ''],
      ['customer', ofTeam ?? customerId],
      ['team', teamId],
      ['virtual_key', key === undefined ? undefined : keyId],
    ]);
  }
}

const rank = ({ owner: { kind } }: Limit | Budget): number => RANK.indexOf(kind);

function meets({ providers, models, labels }: Match, of: Call): boolean {
  const isNamed = (patterns: readonly string[], name: string): boolean =>
    patterns.length === 0 ||
    patterns.some((p) => p === name || (p.endsWith('*') && name.startsWith(p.slice(0, -1))));
  return (
    isNamed(providers, of.provider) &&
    isNamed(models, of.model) &&
    Object.entries(labels).every(
      ([name, value]) => name in of.labels && (value === '*' || of.labels[name] === value),
    )
  );
}

describe('matched policies', () => {
  it('are those that a scan over all would find, whatever was changed before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.array(change, { maxLength: 4 }), call)), (steps) => {
        const directory = new Directory();
        directory.apply({ kind: 'everything', version: 0n, changes: [] });
        const policies = new MatchedPolicies(REPLICA);
        const scan = new NaiveScan();
        steps.forEach(([changes, of], i) => {
          directory.apply({ kind: 'changes', version: BigInt(i + 1), changes });
          changes.forEach((each) => scan.apply(each));
          for (const keyId of [...KEYS, 'nobody', ...KEYS]) {
            const { limits, budgets } = policies.match(
              directory.chainOf(directory.findKey(keyId)),
              of,
            );
            expect({
              limits: limits.map(({ policyId }) => policyId),
              budgets: budgets.map((each) => each.id),
            }).toEqual(scan.match(keyId, of));
          }
        });
      }),
      { numRuns: 200 },
    );
  });

  it('follow a limit that was changed in place', () => {
    const directory = new Directory();
    const policies = new MatchedPolicies(REPLICA);
    const maximumAfter = (maximum: number, version: bigint): number | undefined => {
      const changes: Change[] = [{ kind: 'limit', id: 'lim', record: limit({ maximum }) }];
      directory.apply({ kind: 'changes', version, changes });
      const met = policies.match(directory.chainOf(undefined), {
        provider: '',
        model: '',
        labels: {},
      });
      return met.limits[0]?.demandOf(new CountedLook(NOBODY, {})).counter.maximum;
    };
    expect([maximumAfter(5, 1n), maximumAfter(7, 2n)]).toEqual([5, 7]);
  });

  it('are right for more models and providers than are remembered', () => {
    const directory = new Directory();
    const policies = new MatchedPolicies(REPLICA);
    const changes = Array.from({ length: 400 }, (_, i): Change => {
      const only = { providers: [`p${i % 2}`], models: [`m${i}`], labels: {} };
      return { kind: 'limit', id: `l${i}`, record: limit({ id: `l${i}`, match: only }) };
    });
    directory.apply({ kind: 'changes', version: 1n, changes });
    const idsFor = (provider: string, model: string): string[] =>
      policies
        .match(directory.chainOf(undefined), { provider, model, labels: {} })
        .limits.map(({ policyId }) => policyId);
    for (let i = 0; i < 1_200; i++) {
      const model = i % 400;
      expect(idsFor(`p${model % 2}`, `m${model}`)).toEqual([`l${model}`]);
      expect(idsFor(`p${(model + 1) % 2}`, `m${model}`)).toEqual([]);
    }
  });
});
