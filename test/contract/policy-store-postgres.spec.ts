import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { present } from '../../src/common/assert.js';
import { PostgresPolicyStore } from '../../src/governance/postgres-policy-store.js';
import { openTestDatabase } from '../support/postgres.js';
import { policyStoreContract } from './policy-store.contract.js';
import { customer, limit, team } from './policy-store-records.js';

let open: Awaited<ReturnType<typeof openTestDatabase>> | undefined;

beforeAll(async () => {
  open = await openTestDatabase();
});

afterAll(() => open?.close());

const database = () => present(open, 'the database is open').database;

policyStoreContract('on PostgreSQL', () => Promise.resolve(new PostgresPolicyStore(database())));

describe('PostgreSQL', () => {
  it('forgets old changes, and tells everything to who needs them', async () => {
    const store = new PostgresPolicyStore(database());
    const { version } = await store.loadAll();
    await store.write((transaction) => transaction.put('customer', [customer({ id: 'pruned' })]));
    await database().query('UPDATE governance_state SET version = version + 20000');
    await store.write((transaction) => transaction.put('customer', [customer({ id: 'kept' })]));
    const [row] = await database().query<{ count: number }>(
      'SELECT count(*)::int AS count FROM governance_changes',
    );
    expect(row).toEqual({ count: 1 });
    expect(await store.changesSince(version)).toMatchObject({ kind: 'everything' });
    expect(await store.changesSince(version + 20_001n)).toMatchObject({ kind: 'changes' });
  });

  it('holds what refers to what by itself, should a rule be forgotten', async () => {
    const store = new PostgresPolicyStore(database());
    const orphan = store.write((transaction) =>
      transaction.put('team', [team({ id: 'orphan', customerId: 'nobody' })]),
    );
    await expect(orphan).rejects.toThrow('teams_customer_fk');
    const owner = { kind: 'team', id: 'nobody' } as const;
    const stray = store.write((transaction) => transaction.put('limit', [limit({ owner })]));
    await expect(stray).rejects.toThrow('limits_team_fk');
  });

  it('lists the keys of a team from an index', async () => {
    const rows = await database().transaction(async (manager) => {
      // Of a table so small it may read all instead, depending on whether statistics were taken.
      await manager.query('SET LOCAL enable_seqscan = off');
      return manager.query<{ 'QUERY PLAN': string }[]>(
        `EXPLAIN SELECT * FROM virtual_keys WHERE team_id = 'x' AND id > 'y' ORDER BY id LIMIT 10`,
      );
    });
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('virtual_keys_team_id');
  });
});
