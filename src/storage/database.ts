import type { EntityManager } from 'typeorm';

/** The one way to PostgreSQL. Hot paths write SQL; everything else uses TypeORM's entity manager. */
export abstract class Database {
  /** One statement outside of a transaction. `$1`-style parameters; `bigint` comes back as string. */
  abstract query<Row>(sql: string, parameters?: readonly unknown[]): Promise<readonly Row[]>;

  /** Runs `work` in a transaction, and rolls it back if it throws. */
  abstract transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;

  /** Whether the last round trip succeeded, without making one. */
  abstract isReachable(): boolean;
}
