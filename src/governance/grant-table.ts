import type { EntityManager } from 'typeorm';
import { wallMs } from '../common/time.js';
import type { Grant } from './core/model.js';
import type { Page } from './policy-store.js';

/** `budget_grants`: written here, and read by `weir_decide_group` whenever it decides. */
export async function insertGrant(manager: EntityManager, grant: Grant): Promise<void> {
  const { id, budgetId, amountNanos, startsAt, endsAt, reason, actor, createdAt } = grant;
  const parameters = [id, budgetId, amountNanos, startsAt, endsAt, reason, actor, createdAt];
  await manager.query(INSERT, parameters);
}

export async function findGrant(manager: EntityManager, id: string): Promise<Grant | undefined> {
  const [row]: GrantRow[] = await manager.query(`${SELECT} WHERE id = $1`, [id]);
  return row && toGrant(row);
}

export async function listGrants(
  manager: EntityManager,
  budgetId: string | undefined,
  { afterId, size }: Page,
): Promise<readonly Grant[]> {
  const ofBudget = budgetId === undefined ? '' : 'AND budget_id = $3';
  const rows: GrantRow[] = await manager.query(
    `${SELECT} WHERE id > $1 ${ofBudget} ORDER BY id LIMIT $2`,
    budgetId === undefined ? [afterId, size] : [afterId, size, budgetId],
  );
  return rows.map(toGrant);
}

/** The driver hands 64-bit integers over as text. */
type GrantRow = Readonly<Record<'id' | 'budgetId' | 'amountNanos' | 'reason' | 'actor', string>> &
  Readonly<Record<'startsAt' | 'endsAt' | 'createdAt', Date>>;

const toGrant = (row: GrantRow): Grant => ({
  ...row,
  amountNanos: BigInt(row.amountNanos),
  startsAt: wallMs(row.startsAt.getTime()),
  endsAt: wallMs(row.endsAt.getTime()),
  createdAt: wallMs(row.createdAt.getTime()),
});

const time = (parameter: string): string => `to_timestamp(${parameter}::double precision / 1000)`;

const INSERT = `
  INSERT INTO budget_grants
    (id, budget_id, amount_nanos, starts_at, ends_at, reason, actor, created_at)
  VALUES ($1, $2, $3, ${time('$4')}, ${time('$5')}, $6, $7, ${time('$8')})`;

const SELECT = `
  SELECT id, budget_id AS "budgetId", amount_nanos AS "amountNanos", starts_at AS "startsAt",
      ends_at AS "endsAt", reason, actor, created_at AS "createdAt"
    FROM budget_grants`;
