import type { EntityManager } from 'typeorm';
import type { WallMs } from '../common/time.js';

/** What a listener hears. */
export type DatabaseEvent =
  | { readonly kind: 'notified'; readonly payload: string }
  /** The connection was lost and is back: what was notified meanwhile was missed, so look again. */
  | { readonly kind: 'reconnected' };

/**
 * The one way to PostgreSQL. Hot paths write SQL; everything else uses TypeORM's entity manager.
 *
 * When the database cannot be reached, every method rejects with `DomainError` UNAVAILABLE; what
 * became of a statement in flight is then unknown. Other errors of the driver pass through;
 * `postgres-error.ts` tells which of them are worth another try.
 */
export abstract class Database {
  /** One statement outside of a transaction. `$1`-style parameters; `bigint` comes back as string. */
  abstract query<Row>(sql: string, parameters?: readonly unknown[]): Promise<readonly Row[]>;

  /** Runs `work` in a transaction, and rolls it back if it throws. */
  abstract transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T>;

  /** Whether the last round trip succeeded, without making one. */
  abstract isReachable(): boolean;

  /** The database's wall clock, the one that all replicas share. */
  abstract databaseNow(): Promise<WallMs>;

  /**
   * Hears `NOTIFY channel` from now on; returns how to stop. A notification is a hint: it may be lost
   * with the connection, which `reconnected` says. The handler must not throw.
   */
  abstract listen(
    channel: string,
    handler: (event: DatabaseEvent) => void,
  ): Promise<() => Promise<void>>;
}
