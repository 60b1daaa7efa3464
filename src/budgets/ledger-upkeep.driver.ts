import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Log } from '../common/log.js';
import { DAY_MS, HOUR_MS, wallMs } from '../common/time.js';
import { WeirConfig } from '../config/weir-config.js';
import { Database } from '../storage/database.js';
import { errorText } from '../storage/postgres-error.js';
import { LedgerRetention } from './ledger-retention.js';

/** Partitions exist for this month and so many after it. */
const PARTITIONS_AHEAD = 3;

/** Rows that one statement deletes: a few milliseconds of work, and of locks. */
const PRUNE_BATCH = 5_000;

/**
 * Makes partitions before they are needed, and forgets idempotency keys and ended reservations that
 * are older than callers' retries; every replica may.
 */
@Injectable()
export class LedgerUpkeepDriver implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly keyRetentionMs: number;
  private readonly ledgerRetentionMs: number;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(
    private readonly database: Database,
    private readonly retention: LedgerRetention,
    private readonly clock: Clock,
    private readonly log: Log,
    config: WeirConfig,
  ) {
    this.ledgerRetentionMs = config.debits.ledgerRetentionDays * DAY_MS;
    this.keyRetentionMs = config.debits.keyRetentionDays * DAY_MS;
  }

  onApplicationBootstrap(): void {
    this.start();
    this.timer = setInterval(() => this.start(), HOUR_MS);
    this.timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await this.round;
  }

  private start(): void {
    this.round = this.round.then(() => this.runLogged());
  }

  /** What fails now is tried again in an hour; partitions are made months ahead. */
  private async runLogged(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      this.log.warn(
        { error: errorText(error) },
        'Upkeep of the ledger failed; next try in an hour',
      );
    }
  }

  /** One round. Resolves to the number of keys and of ended reservations that were forgotten. */
  async run(): Promise<number> {
    await this.database.query('SELECT weir_make_ledger_partitions($1)', [PARTITIONS_AHEAD]);
    await this.dropOld();
    return (await this.prune(PRUNE_KEYS)) + (await this.prune(PRUNE_RESERVATIONS));
  }

  private async dropOld(): Promise<void> {
    if (this.ledgerRetentionMs === 0) return;
    const before = wallMs(this.clock.wallNow() - this.ledgerRetentionMs);
    const dropped = await this.retention.dropEntriesBefore(before);
    if (dropped.length > 0) this.log.info({ dropped }, 'old months of the ledger were dropped');
  }

  private async prune(statement: string): Promise<number> {
    let total = 0;
    for (let pruned = PRUNE_BATCH; pruned === PRUNE_BATCH && !this.isStopped; total += pruned) {
      const parameters = [this.keyRetentionMs, PRUNE_BATCH];
      const [row] = await this.database.query<{ pruned: string }>(statement, parameters);
      pruned = Number(row?.pruned ?? 0);
    }
    return total;
  }
}

/** Rows that another replica is deleting are left to it. */
const PRUNE_KEYS = `
  WITH old AS (
    SELECT scope, idempotency_key FROM debit_keys
      WHERE recorded_at < now() - make_interval(secs => $1::double precision / 1000)
      LIMIT $2 FOR UPDATE SKIP LOCKED),
  pruned AS (
    DELETE FROM debit_keys AS k USING old
      WHERE k.scope = old.scope AND k.idempotency_key = old.idempotency_key RETURNING 1)
  SELECT count(*) AS pruned FROM pruned`;

/** A hold that is still open is never forgotten, however old it is. */
const PRUNE_RESERVATIONS = `
  WITH old AS (
    SELECT id FROM reservations
      WHERE created_at < now() - make_interval(secs => $1::double precision / 1000)
        AND ended_at < now() - make_interval(secs => $1::double precision / 1000)
      LIMIT $2 FOR UPDATE SKIP LOCKED),
  pruned AS (DELETE FROM reservations AS r USING old WHERE r.id = old.id RETURNING 1)
  SELECT count(*) AS pruned FROM pruned`;
