import { Injectable } from '@nestjs/common';
import { assert, present } from '../common/assert.js';
import { type WallMs, wallMs } from '../common/time.js';
import { Database } from '../storage/database.js';
import { type AuditFault, BudgetLedger, type DueHold } from './budget-ledger.js';
import { type DebitGroup, groupDebits, periodName } from './core/debit-group.js';
import { answersInOrder, independentGroups } from './core/independent-groups.js';
import type { BudgetLevel, LedgerAnswer, LedgerItem } from './core/ledger-item.js';
import type {
  Balance,
  Debit,
  DebitOutcome,
  PeriodKey,
  Spend,
  SpendQuery,
} from './core/ledger-model.js';
import { decideAnswers, type DecidedRow } from './decide-answers.js';
import { debitOutcome } from './core/debit-outcome.js';
import { decideColumns } from './decide-columns.js';
import { type FactsJson, readFacts } from './facts-json.js';
import {
  AUDIT,
  DUE_HOLDS,
  type LevelRow,
  READ_LEVELS,
  type SpendRow,
  sumSpendSql,
} from './ledger-queries.js';
import { concernsCarryOver, isOutOfRange, isTransient, ledgerError } from './ledger-error.js';
import { sqlArray } from './sql-array.js';

const ATTEMPTS_MAX = 5;

/** A group is one call of one function: one round trip, one commit (ADR 0003). */
@Injectable()
export class PostgresBudgetLedger extends BudgetLedger {
  constructor(private readonly database: Database) {
    super();
  }

  async postDebits(debits: readonly Debit[]): Promise<readonly DebitOutcome[]> {
    if (debits.length === 0) return [];
    const group = groupDebits(debits);
    try {
      const rows = await this.query<PostedRow>(POST_DEBITS, postParameters(group));
      return inOrderOfArrival(group, outcomes(group, rows));
    } catch (error) {
      if (concernsCarryOver(error)) return this.postByDeciding(debits);
      if (!isOutOfRange(error)) throw error;
      return this.postHalves(debits);
    }
  }

  /** Rare: a period of a budget that carries over begins, or one is posted to that is over. */
  private async postByDeciding(debits: readonly Debit[]): Promise<readonly DebitOutcome[]> {
    const items = debits.map((debit): LedgerItem => {
      return { kind: 'debit', debit, reservation: undefined, watched: [] };
    });
    return (await this.decide(items)).map(debitOutcome);
  }

  /**
   * One balance or amount left int64 and took the group with it. Halving finds the item that did, and
   * keeps the order, so that the others come out as if it had not been there.
   */
  private async postHalves(debits: readonly Debit[]): Promise<readonly DebitOutcome[]> {
    if (debits.length === 1) return [{ kind: 'out_of_range' }];
    const middle = debits.length >> 1;
    const first = await this.postDebits(debits.slice(0, middle));
    return [...first, ...(await this.postDebits(debits.slice(middle)))];
  }

  async decide(items: readonly LedgerItem[]): Promise<readonly LedgerAnswer[]> {
    const answers: LedgerAnswer[] = [];
    for (const group of independentGroups(items))
      answers.push(...answersInOrder(group, await this.decideGroup(group.items), asRepeated));
    return answers;
  }

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

const POST_DEBITS = `SELECT * FROM weir_post_debits(${parameterList(26)})`;

const DECIDE_GROUP = `SELECT * FROM weir_decide_group(${parameterList(38)})`;

/** A repetition in the same group: what was done for the first is a replay for the second. */
const asRepeated = (answer: LedgerAnswer): LedgerAnswer =>
  answer.kind === 'held' || answer.kind === 'posted' ? { ...answer, isReplayed: true } : answer;

function parameterList(count: number): string {
  return Array.from({ length: count }, (_, i) => `$${i + 1}`).join(', ');
}

/** In the order of the function's parameters. */
function postParameters({ items, periods, postings }: DebitGroup): readonly unknown[] {
  return [
    ...itemColumns(items),
    items.map(({ postedTo }) => sqlArray(postedTo.map((key) => key.budgetId))),
    items.map(({ postedTo }) => sqlArray(postedTo.map((key) => key.generation))),
    items.map(({ postedTo }) => sqlArray(postedTo.map((key) => key.period.start))),
    items.map(({ postedTo, amountNanos }) => sqlArray(postedTo.map(() => amountNanos))),
    periods.map((key) => key.budgetId),
    periods.map((key) => key.generation),
    periods.map((key) => key.period.start),
    periods.map((key) => key.period.end),
    postings.map(({ item }) => item + 1),
    postings.map(({ period }) => period + 1),
  ];
}

function itemColumns(items: readonly Debit[]): readonly unknown[] {
  return [
    items.map((debit) => debit.id),
    items.map((debit) => debit.scope),
    items.map((debit) => debit.idempotencyKey),
    items.map((debit) => debit.bodyHash),
    items.map((debit) => debit.virtualKeyId),
    items.map((debit) => debit.teamId),
    items.map((debit) => debit.customerId),
    items.map((debit) => debit.provider),
    items.map((debit) => debit.model),
    items.map((debit) => debit.amountNanos),
    items.map((debit) => debit.tokens.input),
    items.map((debit) => debit.tokens.cachedInput),
    items.map((debit) => debit.tokens.output),
    items.map((debit) => debit.tokens.reasoning),
    items.map((debit) => debit.priceId),
    items.map((debit) => debit.priceRevision),
  ];
}

type PostedRow =
  | { kind: 'replayed' | 'conflict'; item: number; facts: FactsJson }
  | { kind: 'recorded'; at_ms: string }
  | {
      kind: 'balance';
      budget_id: string;
      generation: number;
      period_start_ms: string;
      posted_nanos: string;
      held_nanos: string;
    };

function outcomes(group: DebitGroup, rows: readonly PostedRow[]): readonly DebitOutcome[] {
  const used = new Map<number, DebitOutcome>();
  const balances = new Map<string, Balance>();
  const keys = new Map(group.periods.map((key) => [periodName(key), key]));
  let recordedAt: WallMs | undefined;
  for (const row of rows) {
    if (row.kind === 'recorded') recordedAt = wallMs(Number(row.at_ms));
    else if (row.kind === 'balance') {
      const name = `${row.budget_id} ${row.generation} ${row.period_start_ms}`;
      balances.set(name, balanceOf(present(keys.get(name), 'a period that was asked for'), row));
    } else used.set(row.item - 1, usedOutcome(row));
  }
  const at = present(recordedAt, 'a group has a time of recording');
  return group.items.map((debit, i) => used.get(i) ?? postedOutcome(debit, at, balances));
}

const usedOutcome = (row: { kind: 'replayed' | 'conflict'; facts: FactsJson }): DebitOutcome =>
  row.kind === 'conflict' ? { kind: 'conflict' } : { kind: 'replayed', ...readFacts(row.facts) };

function postedOutcome(
  debit: Debit,
  recordedAt: WallMs,
  balances: ReadonlyMap<string, Balance>,
): DebitOutcome {
  const { id, amountNanos, priceId, priceRevision, postedTo } = debit;
  return {
    kind: 'posted',
    facts: { id, amountNanos, priceId, priceRevision, recordedAt, postedTo },
    balances: postedTo.map((key) => present(balances.get(periodName(key)), 'was posted to')),
  };
}

function inOrderOfArrival(
  group: DebitGroup,
  ofItems: readonly DebitOutcome[],
): readonly DebitOutcome[] {
  return group.places.map(({ item, isRepeated }) => {
    const outcome = present(ofItems[item], 'every place names an item');
    return isRepeated && outcome.kind === 'posted' ? { ...outcome, kind: 'replayed' } : outcome;
  });
}

const balanceOf = (key: PeriodKey, row: { posted_nanos: string; held_nanos: string }): Balance => ({
  key,
  postedNanos: BigInt(row.posted_nanos),
  heldNanos: BigInt(row.held_nanos),
});
