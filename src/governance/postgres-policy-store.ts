import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Database } from '../storage/database.js';
import type { Change, Update } from './core/changes.js';
import type { Grant, RecordByKind, RecordKind } from './core/model.js';
import { findGrant, listGrants } from './grant-table.js';
import {
  type Filter,
  type Page,
  PolicyStore,
  type PolicyTransaction,
  type Written,
} from './policy-store.js';
import { PostgresPolicyTransaction } from './postgres-policy-transaction.js';
import { RECORD_TABLES } from './record-tables.js';

/** The channel on which every write is announced, with the version as payload. */
const GOVERNANCE_CHANNEL = 'weir_governance';

/** How many versions are kept for replicas to catch up on. */
const VERSIONS_KEPT = 10_000;
const ROWS_PER_PAGE = 10_000;
/** Referenced records first. */
const KINDS: readonly RecordKind[] = [
  'customer',
  'team',
  'virtual_key',
  'limit',
  'budget',
  'price',
];

interface VersionRow {
  readonly version: string;
}

interface ChangeRow {
  readonly kind: RecordKind;
  readonly id: string;
}

@Injectable()
export class PostgresPolicyStore extends PolicyStore {
  constructor(private readonly database: Database) {
    super();
  }

  write<T>(work: (transaction: PolicyTransaction) => Promise<T>): Promise<Written<T>> {
    return this.database.transaction(async (manager) => {
      const before = await readVersion(manager, 'FOR UPDATE');
      const transaction = new PostgresPolicyTransaction(manager, before + 1n);
      const result = await work(transaction);
      const { changes, version } = transaction;
      if (changes.length === 0) return { result, version: before, changes };
      await announce(manager, version, changes);
      return { result, version, changes };
    });
  }

  get<K extends RecordKind>(kind: K, id: string): Promise<RecordByKind[K] | undefined> {
    return this.read(async (manager) => (await RECORD_TABLES[kind].find(manager, [id]))[0]);
  }

  list<K extends RecordKind>(
    kind: K,
    filter: Filter,
    page: Page,
  ): Promise<readonly RecordByKind[K][]> {
    return this.read((manager) => RECORD_TABLES[kind].list(manager, filter, page));
  }

  async getGrant(id: string): Promise<Grant | undefined> {
    return this.read((manager) => findGrant(manager, id));
  }

  listGrants(budgetId: string | undefined, page: Page): Promise<readonly Grant[]> {
    return this.read((manager) => listGrants(manager, budgetId, page));
  }

  async changesSince(version: bigint): Promise<Update> {
    // Most polls end here, after one statement outside of a transaction.
    const [state] = await this.database.query<VersionRow>('SELECT version FROM governance_state');
    if (state !== undefined && BigInt(state.version) === version) {
      return { kind: 'changes', version, changes: [] };
    }
    return this.read((manager) => readChanges(manager, version));
  }

  loadAll(): Promise<Update> {
    return this.read(readAll);
  }

  watch(notice: (version: bigint | undefined) => void): Promise<() => Promise<void>> {
    return this.database.listen(GOVERNANCE_CHANNEL, (event) => {
      const isVersion = event.kind === 'notified' && /^[0-9]{1,19}$/.test(event.payload);
      notice(isVersion ? BigInt(event.payload) : undefined);
    });
  }

  /** One snapshot for all statements, so that a version and the records of it belong together. */
  private read<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.database.transaction(async (manager) => {
      await manager.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      return work(manager);
    });
  }
}

/** Every write waits for this row, so versions are committed in their order and none is skipped. */
async function readVersion(manager: EntityManager, lock: '' | 'FOR UPDATE'): Promise<bigint> {
  const [row]: VersionRow[] = await manager.query(`SELECT version FROM governance_state ${lock}`);
  if (row === undefined) throw new Error('governance_state has lost its row; run the migrations');
  return BigInt(row.version);
}

async function announce(
  manager: EntityManager,
  version: bigint,
  changes: readonly Change[],
): Promise<void> {
  await manager.query(
    `WITH state AS (UPDATE governance_state SET version = $1),
          pruned AS (DELETE FROM governance_changes WHERE version <= $1 - ${VERSIONS_KEPT}),
          noted AS (
            INSERT INTO governance_changes (version, kind, id, deleted)
            SELECT $1, kind, id, deleted
            FROM unnest($2::text[], $3::text[], $4::boolean[]) AS change (kind, id, deleted)
          )
     SELECT pg_notify('${GOVERNANCE_CHANNEL}', $1::bigint::text)`,
    [
      version.toString(),
      changes.map(({ kind }) => kind),
      changes.map(({ id }) => id),
      changes.map(({ record }) => record === undefined),
    ],
  );
}

async function readChanges(manager: EntityManager, since: bigint): Promise<Update> {
  const version = await readVersion(manager, '');
  if (version < since || (await isPruned(manager, since, version))) return readAll(manager);
  const rows: ChangeRow[] = await manager.query(
    'SELECT DISTINCT kind, id FROM governance_changes WHERE version > $1',
    [since.toString()],
  );
  const changes: Change[] = [];
  for (const kind of KINDS) {
    const ids = rows.filter((row) => row.kind === kind).map(({ id }) => id);
    changes.push(...(await readRecords(manager, kind, ids)));
  }
  return { kind: 'changes', version, changes };
}

/** Whether the first change that is missing here is missing there too. */
async function isPruned(manager: EntityManager, since: bigint, version: bigint): Promise<boolean> {
  if (since === version) return false;
  const [row]: { known: boolean }[] = await manager.query(
    'SELECT EXISTS (SELECT FROM governance_changes WHERE version = $1) AS known',
    [(since + 1n).toString()],
  );
  return row?.known !== true;
}

/** The state of records now. Those that are not found have been deleted. */
async function readRecords(
  manager: EntityManager,
  kind: RecordKind,
  ids: readonly string[],
): Promise<readonly Change[]> {
  const found = await RECORD_TABLES[kind].find(manager, ids);
  const byId = new Map(found.map((record) => [record.id, record]));
  return ids.map((id) => ({ kind, id, record: byId.get(id) }) as Change);
}

async function readAll(manager: EntityManager): Promise<Update> {
  const version = await readVersion(manager, '');
  const changes: Change[] = [];
  for (const kind of KINDS) {
    let afterId = '';
    for (;;) {
      const page = await RECORD_TABLES[kind].scan(manager, { afterId, size: ROWS_PER_PAGE });
      for (const record of page) changes.push({ kind, id: record.id, record } as Change);
      const last = page.at(-1);
      if (last === undefined || page.length < ROWS_PER_PAGE) break;
      afterId = last.id;
    }
  }
  return { kind: 'everything', version, changes };
}
