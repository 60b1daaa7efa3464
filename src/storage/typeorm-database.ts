import { Client } from 'pg';
import type { Log } from '../common/log.js';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { present } from '../common/assert.js';
import { DomainError } from '../common/domain-error.js';
import { type WallMs, wallMs } from '../common/time.js';
import { createDataSource, type DataSourceOptions } from './data-source.js';
import { Database, type DatabaseEvent } from './database.js';
import { NotificationListener } from './notification-listener.js';
import { clientConfig, type PostgresConnection } from './postgres-connection.js';
import { isConnectionError, isReadOnlyError, isReadTimeout } from './postgres-error.js';

export type DatabaseLimits = Required<
  Pick<DataSourceOptions, 'poolSize' | 'statementTimeoutMs' | 'lockTimeoutMs'>
>;

/** How long a caller should wait before it asks again: connecting is tried at about this pace. */
const RETRY_AFTER_MS = 1000;

/** The database through TypeORM and a pool of connections, which the driver mends by itself. */
export class TypeOrmDatabase extends Database {
  private reachable = true;
  /** Why no query may be tried, if so. */
  private barred: string | undefined;

  private constructor(
    private readonly source: DataSource,
    private readonly listener: NotificationListener,
  ) {
    super();
  }

  /** Connects; the schema must be up to date (`migrate`). */
  static async open(
    connection: PostgresConnection,
    limits: DatabaseLimits,
    log: Log,
  ): Promise<TypeOrmDatabase> {
    const source = createDataSource(connection, {
      ...limits,
      applicationName: 'weir',
      onPoolError: () => database.suspect(),
    });
    const listener = new NotificationListener({
      client: () => clientConfig(connection, 'weir listener'),
      log,
      onReachable: (reachable) => database.noteReachable(reachable),
    });
    const database = new TypeOrmDatabase(source, listener);
    await source.initialize();
    try {
      await listener.start();
    } catch (error) {
      await source.destroy();
      throw error;
    }
    return database;
  }

  async close(): Promise<void> {
    await this.listener.stop();
    await this.source.destroy();
  }

  /** Answers every query with UNAVAILABLE until {@link unbar}, without a connection. */
  bar(reason: string): void {
    this.barred = reason;
    this.reachable = false;
  }

  unbar(): void {
    this.barred = undefined;
    this.listener.check();
  }

  query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<readonly Row[]> {
    return this.withRunner(async (runner) => {
      const { records } = await runner.query(sql, [...parameters], true);
      const rows: readonly Row[] = records ?? [];
      return rows;
    });
  }

  transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.withRunner((runner) => runner.manager.transaction(work));
  }

  isReachable(): boolean {
    return this.reachable && this.barred === undefined;
  }

  async databaseNow(): Promise<WallMs> {
    const rows = await this.query<{ nowMs: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs"',
    );
    return wallMs(Math.floor(present(rows[0], 'a clock has a time').nowMs));
  }

  listen(channel: string, handler: (event: DatabaseEvent) => void): Promise<() => Promise<void>> {
    return this.listener.listen(channel, handler);
  }

  /** TypeORM's own shortcuts lose rows of `UPDATE ... RETURNING` and cannot drop a stuck connection. */
  private async withRunner<T>(work: (runner: QueryRunner) => Promise<T>): Promise<T> {
    if (this.barred !== undefined) throw unavailable(this.barred);
    const runner = this.source.createQueryRunner();
    try {
      await runner.connect();
      const result = await work(runner);
      this.reachable = true;
      return result;
    } catch (error) {
      await this.dropIfStuck(runner, error);
      throw this.translated(error);
    } finally {
      await runner.release();
    }
  }

  /** The pool must not lend out a connection whose answer may still come. */
  private async dropIfStuck(runner: QueryRunner, error: unknown): Promise<void> {
    if (!isReadTimeout(error) || runner.isReleased) return;
    const client: unknown = await runner.connect();
    if (client instanceof Client) void client.end().catch(() => undefined);
  }

  private translated(error: unknown): unknown {
    if (isReadOnlyError(error)) return unavailable('the database has become read-only', error);
    if (!isConnectionError(error)) return error;
    this.suspect();
    return unavailable('the database cannot be reached', error);
  }

  /** One failure may be one connection's; the listener finds out about the server. */
  private suspect(): void {
    this.reachable = false;
    this.listener.check();
  }

  private noteReachable(reachable: boolean): void {
    this.reachable = reachable;
  }
}

function unavailable(message: string, cause?: unknown): DomainError {
  return new DomainError('UNAVAILABLE', message, { retryAfterMs: RETRY_AFTER_MS, cause });
}
