import { Injectable } from '@nestjs/common';
import { assert, present } from '../common/assert.js';
import type { WallMs } from '../common/time.js';
import { Database } from '../storage/database.js';
import { type AuditFault, BudgetLedger, type DueHold } from './budget-ledger.js';
import { answersInOrder, independentGroups } from './core/independent-groups.js';
import type { BudgetLevel, LedgerAnswer, LedgerItem } from './core/ledger-item.js';
import type { Balance, PeriodKey, Spend, SpendQuery } from './core/ledger-model.js';
import { decideAnswers, type DecidedRow } from './decide-answers.js';
import { decideColumns } from './decide-columns.js';
import {
  AUDIT,
  DUE_HOLDS,
  type LevelRow,
  READ_LEVELS,
  type SpendRow,
  sumSpendSql,
} from './ledger-queries.js';
import { isOutOfRange, isTransient, ledgerError } from './ledger-error.js';

const ATTEMPTS_MAX = 5;

/** A group is one call of one function: one round trip, one commit (ADR 0003). */
@Injectable()
export class PostgresBudgetLedger extends BudgetLedger {
  constructor(private readonly database: Database) {
    super();
  }

  async decide(items: readonly LedgerItem[]): Promise<readonly LedgerAnswer[]> {
    const answers: LedgerAnswer[] = [];
    for (const group of independentGroups(items))
      answers.push(...answersInOrder(group, await this.decideGroup(group.items), asRepeated));
    return answers;
  }

  /**
   * One balance or amount that leaves int64 takes its group with it. Halving finds the item that did, and
   * keeps the order, so that the others come out as if it had not been there.
   */
  private async decideGroup(items: readonly LedgerItem[]): Promise<readonly LedgerAnswer[]> {
    const columns = decideColumns(items, this.decidedAt());
    try {
      const [row] = await this.query<DecidedRow>(DECIDE_GROUP, columns.parameters);
      return decideAnswers(items, columns, present(row, 'a group is answered by a row'));
    } catch (error) {
      if (!isOutOfRange(error)) throw error;
      if (items.length === 1) return [{ kind: 'out_of_range' }];
      const middle = items.length >> 1;
      const first = await this.decideGroup(items.slice(0, middle));
      return [...first, ...(await this.decideGroup(items.slice(middle)))];
    }
  }

  /** By the database's clock; a test may have another. */
  protected decidedAt(): WallMs | null {
    return null;
  }

  async readLevels(keys: readonly PeriodKey[]): Promise<readonly BudgetLevel[]> {
    if (keys.length === 0) return [];
    const rows = await this.query<LevelRow>(READ_LEVELS, [
      keys.map((key) => key.budgetId),
      keys.map((key) => key.generation),
      keys.map((key) => key.period.start),
      this.decidedAt(),
    ]);
    assert(rows.length === keys.length, 'one row for each key');
    return rows.map((row, i) => ({
      ...balanceOf(present(keys[i], 'one key for each row'), row),
      extraNanos: BigInt(row.extra_nanos),
    }));
  }

  async dueHolds(most: number): Promise<readonly DueHold[]> {
    return this.query<DueHold>(DUE_HOLDS, [this.decidedAt(), most]);
  }

  async audit(): Promise<readonly AuditFault[]> {
    return this.query<AuditFault>(AUDIT, []);
  }

  async sumSpend({ owner, interval }: SpendQuery): Promise<Spend> {
    const bounds = interval === undefined ? [null, null] : [interval.start, interval.end];
    const parameters = owner.kind === 'root' ? bounds : [...bounds, owner.id];
    const [row] = await this.query<SpendRow>(sumSpendSql(owner.kind), parameters);
    const { debits, nanos, input, cached_input, output, reasoning } = present(
      row,
      'sums are a row',
    );
    return {
      debits: BigInt(debits),
      amountNanos: BigInt(nanos),
      tokens: {
        input: BigInt(input),
        cachedInput: BigInt(cached_input),
        output: BigInt(output),
        reasoning: BigInt(reasoning),
      },
    };
  }

  /** A statement is a transaction: it can be sent again with the same parameters. */
  private async query<Row>(sql: string, parameters: readonly unknown[]): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.database.query<Row>(sql, parameters);
      } catch (error) {
        if (!isTransient(error) || attempt === ATTEMPTS_MAX) throw ledgerError(error);
      }
    }
  }
}

const DECIDE_GROUP = `SELECT * FROM weir_decide_group(${parameterList(40)})`;

/** A repetition in the same group: what was done for the first is a replay for the second. */
const asRepeated = (answer: LedgerAnswer): LedgerAnswer =>
  answer.kind === 'held' || answer.kind === 'posted' ? { ...answer, isReplayed: true } : answer;

function parameterList(count: number): string {
  return Array.from({ length: count }, (_, i) => `$${i + 1}`).join(', ');
}

const balanceOf = (key: PeriodKey, row: { posted_nanos: string; held_nanos: string }): Balance => ({
  key,
  postedNanos: BigInt(row.posted_nanos),
  heldNanos: BigInt(row.held_nanos),
});
