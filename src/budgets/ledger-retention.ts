import { Injectable } from '@nestjs/common';
import type { WallMs } from '../common/time.js';
import { Database } from '../storage/database.js';

/** Ends the ledger's memory of old months: a whole partition goes at once, which costs no deletes. */
@Injectable()
export class LedgerRetention {
  constructor(private readonly database: Database) {}

  /**
   * Drops the months that ended before, one at a time. What they had posted stays counted in the
   * balances, so that those remain provable. Answers the names of what was dropped.
   */
  async dropEntriesBefore(before: WallMs): Promise<readonly string[]> {
    const old = await this.database.query<{ name: string }>(
      'SELECT name FROM weir_old_ledger_partitions(to_timestamp($1::double precision / 1000)) AS name',
      [before],
    );
    for (const { name } of old) {
      await this.database.query('SELECT weir_sum_ledger_partition($1)', [name]);
      await this.database.query('SELECT weir_drop_ledger_partition($1)', [name]);
    }
    return old.map(({ name }) => name);
  }
}
