import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createHash } from 'node:crypto';
import type {
  LedgerAnswer,
  LedgerItem,
  PeriodLimit,
  ReservationName,
} from '../../src/budgets/core/ledger-item.js';
import { answersInOrder, independentGroups } from '../../src/budgets/core/independent-groups.js';
import { LedgerMachine } from '../../src/budgets/core/ledger-machine.js';
import type { PeriodKey } from '../../src/budgets/core/ledger-model.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { present } from '../../src/common/assert.js';
import { type WallMs, wallMs } from '../../src/common/time.js';
import type { Database } from '../../src/storage/database.js';
import { LedgerInvariants } from './ledger-invariants.js';
import { openTestDatabase, type TestDatabase } from './budget-ledger-database.js';

/** Time runs through a few of them, and past some in which nothing happens. */
const PERIOD_MS = 200;
const PERIODS = 20;
const BUDGETS = 3;
const LIMIT_NANOS = 100n;

/** What a caller may do, in small numbers, so that it meets what others did. */
interface Op {
  readonly kind: 'hold' | 'debit' | 'release' | 'extend' | 'expire' | 'grant';
  readonly dtMs: number;
  readonly key: number;
  readonly scope: number;
  readonly body: number;
  readonly amount: number;
  readonly ttlMs: number;
  readonly budgets: number;
  readonly isEnforced: boolean;
  readonly onExpiry: 'release' | 'charge_floor' | 'charge_estimate';
  readonly reference: 'none' | 'id' | 'key';
  readonly isForced: boolean;
}

const ops: fc.Arbitrary<Op> = fc.record({
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constant('hold' as const) },
    { weight: 5, arbitrary: fc.constant('debit' as const) },
    { weight: 1, arbitrary: fc.constant('release' as const) },
    { weight: 1, arbitrary: fc.constant('extend' as const) },
    { weight: 2, arbitrary: fc.constant('expire' as const) },
    { weight: 1, arbitrary: fc.constant('grant' as const) },
  ),
  dtMs: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 0, max: 15 }) },
    { weight: 1, arbitrary: fc.constantFrom(100, 450) },
  ),
  key: fc.integer({ min: 0, max: 5 }),
  scope: fc.integer({ min: 0, max: 1 }),
  body: fc.integer({ min: 0, max: 5 }).map((n) => (n === 0 ? 1 : 0)),
  amount: fc.integer({ min: 0, max: 60 }),
  ttlMs: fc.constantFrom(1, 20, 500),
  budgets: fc.integer({ min: 0, max: 2 ** BUDGETS - 1 }),
  isEnforced: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  onExpiry: fc.constantFrom('release', 'charge_floor', 'charge_estimate'),
  reference: fc.constantFrom('none', 'id', 'key'),
  isForced: fc.boolean(),
});

/**
 * What happens to the answer of a group. `lost`: the caller, or the service, died after the commit, and whoever
 * comes next sends the same again. `late`: the group before is sent once more after this one.
 */
const groups = fc.array(
  fc.record({
    ops: fc.array(ops, { minLength: 1, maxLength: 5 }),
    fate: fc.oneof(
      { weight: 6, arbitrary: fc.constant('answered' as const) },
      { weight: 1, arbitrary: fc.constant('lost' as const) },
      { weight: 1, arbitrary: fc.constant('late' as const) },
    ),
  }),
  { minLength: 1, maxLength: 25 },
);

class TimedLedger extends PostgresBudgetLedger {
  now: WallMs = wallMs(0);

  protected override decidedAt(): WallMs {
    return this.now;
  }
}

let runs = 0;

/** One run: the same items for PostgreSQL and for the model, in names that no other run has. */
class Run {
  readonly model = new LedgerMachine();
  private ledger: TimedLedger;
  private readonly invariants = new LedgerInvariants();
  private before: readonly LedgerItem[] = [];
  private readonly name = `run-${process.pid}-${runs++}`;
  private readonly startMs = Date.now();
  private steps = 0;
  private now = wallMs(this.startMs);
  private readonly lastHold = new Map<string, string>();

  constructor(private readonly database: Database) {
    this.ledger = new TimedLedger(database);
  }

  /** The first two of the three budgets carry over, the second its debts, too. */
  async declareCarryOver(): Promise<void> {
    for (const [i, overage] of [false, true].entries()) {
      const budgetId = `${this.name}-${i}`;
      const [minNanos, maxNanos] = [BigInt(i * 5), 40n];
      const amounts = { amountNanos: LIMIT_NANOS, minNanos, maxNanos };
      this.model.carryOver(budgetId, { ...amounts, overage, periodMs: PERIOD_MS });
      await this.database.query(
        `INSERT INTO budgets (id, name, match, shadow, generation, created_at, updated_at,
            amount_nanos, period, on_expiry, on_unavailable, on_unpriced, threshold_percents,
            carry_max_nanos, carry_min_nanos, carry_overage)
          VALUES ($1, '', '{}', false, 1, now(), now(), $2, $3, 'release', 'deny', 'deny', '{}',
            $4, $5, $6)`,
        [
          budgetId,
          LIMIT_NANOS,
          { kind: 'duration', durationMs: PERIOD_MS, anchorMs: this.startMs },
          maxNanos,
          minNanos,
          overage,
        ],
      );
    }
  }

  async step(group: readonly Op[], fate: 'answered' | 'lost' | 'late'): Promise<void> {
    const { before } = this;
    this.before = await this.first(group);
    if (fate === 'answered') return;
    // Another process: it has nothing in memory of the one that is gone.
    this.ledger = new TimedLedger(this.database);
    this.ledger.now = this.now;
    await this.decide(fate === 'lost' ? this.before : before);
  }

  private async first(group: readonly Op[]): Promise<readonly LedgerItem[]> {
    this.now = wallMs(this.now + group.reduce((sum, op) => sum + op.dtMs, 0));
    this.ledger.now = this.now;
    const items: LedgerItem[] = [];
    for (const op of group) {
      const item = this.itemOf(op);
      if (item !== undefined) items.push(item);
      else await this.grant(op);
    }
    await this.decide(items);
    return items;
  }

  private async decide(items: readonly LedgerItem[]): Promise<void> {
    const answers = await this.ledger.decide(items);
    expect(this.invariants.broken(items, answers)).toEqual([]);
    const expected = independentGroups(items).flatMap((part) =>
      answersInOrder(part, this.model.decideGroup(part.items, this.now), asRepeated),
    );
    const seen = items.length === 1 ? exactly : decisively;
    expect(answers.map(seen)).toEqual(expected.map(seen));
    await this.expectSameBooks();
  }

  private async expectSameBooks(): Promise<void> {
    const keys = Array.from({ length: BUDGETS * PERIODS }, (_, i) =>
      this.period(i % BUDGETS, Math.floor(i / BUDGETS)),
    );
    const balances = await this.ledger.readLevels(keys);
    expect(balances).toEqual(keys.map((key) => this.model.level(key, this.now)));
    expect(this.model.faults()).toEqual([]);
    const due = await this.ledger.dueHolds(1_000_000);
    const ours = due.filter(({ scope }) => scope.startsWith(this.name));
    const theirs = this.model.due(this.now).map(({ id }) => id);
    expect(ours.map(({ reservationId }) => reservationId).sort()).toEqual(theirs.sort());
  }

  private period(budget: number, index: number): PeriodKey {
    const start = wallMs(this.startMs + index * PERIOD_MS);
    const end = wallMs(start + PERIOD_MS);
    return { budgetId: `${this.name}-${budget}`, generation: 1, period: { start, end } };
  }

  private budgetsOf({ budgets, isEnforced }: Op): readonly PeriodLimit[] {
    const index = Math.floor((this.now - this.startMs) / PERIOD_MS);
    return Array.from({ length: BUDGETS }, (_, i) => i)
      .filter((i) => (budgets >> i) % 2 === 1)
      .map((i) => ({
        key: this.period(i, index),
        limitNanos: LIMIT_NANOS,
        isEnforced: isEnforced || i > 0,
        thresholdPercents: [50, 100],
      }));
  }

  private reference(op: Op): ReservationName | undefined {
    if (op.reference === 'none') return undefined;
    if (op.reference === 'key') return { kind: 'key', key: `key-${op.key}` };
    return { kind: 'id', id: this.lastHold.get(`${op.scope} ${op.key}`) ?? `${this.name}-none` };
  }

  private itemOf(drawn: Op): LedgerItem | undefined {
    const op = drawn.body === 0 ? asRetry(drawn) : drawn;
    const step = this.steps++;
    const scope = `${this.name}-scope-${op.scope}`;
    const call = { virtualKeyId: scope, teamId: 't', customerId: 'c', provider: 'p', model: 'm' };
    const { dtMs: _dtMs, ...body } = op;
    const bodyHash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
    const amountNanos = BigInt(op.amount);
    const budgets = this.budgetsOf(op);
    const name = this.reference(op) ?? { kind: 'key', key: `key-${op.key}` };
    switch (op.kind) {
      case 'hold': {
        const id = `${this.name}-res-${step}`;
        this.lastHold.set(`${op.scope} ${op.key}`, id);
        const { onExpiry, ttlMs } = op;
        const rest = { amountNanos, floorNanos: 7n, onExpiry, ttlMs, budgets, takes: `t${op.key}` };
        return {
          kind: 'hold',
          id,
          scope,
          reservationKey: `key-${op.key}`,
          bodyHash,
          ...call,
          ...rest,
        };
      }
      case 'debit': {
        const debit = {
          id: `${this.name}-debit-${step}`,
          scope,
          idempotencyKey: `idem-${op.key}-${op.ttlMs}`,
          bodyHash,
          ...call,
          amountNanos,
          tokens: { input: 1n, cachedInput: 0n, output: 0n, reasoning: 0n },
          priceId: '',
          priceRevision: 0,
          postedTo: budgets.map(({ key }) => key),
        };
        return { kind: 'debit', debit, reservation: this.reference(op), watched: budgets };
      }
      case 'release':
        return { kind: 'release', scope, reservation: name };
      case 'extend': {
        const addNanos = amountNanos / 4n;
        return { kind: 'extend', scope, reservation: name, ttlMs: op.ttlMs, addNanos, budgets };
      }
      case 'expire': {
        const reservationId = this.lastHold.get(`${op.scope} ${op.key}`) ?? 'none';
        const entryId = `${this.name}-expiry-${step}`;
        return { kind: 'expire', scope, reservationId, entryId, isForced: op.isForced };
      }
      case 'grant':
        return undefined;
    }
  }

  private async grant(op: Op): Promise<void> {
    const budgetId = `${this.name}-${op.budgets % BUDGETS}`;
    const start = wallMs(this.now + op.key);
    const end = wallMs(start + op.ttlMs);
    const amountNanos = BigInt(op.amount + 1);
    this.model.grant({ budgetId, amountNanos, start, end });
    await this.database.query(
      `INSERT INTO budget_grants (id, budget_id, amount_nanos, starts_at, ends_at, reason, actor)
        VALUES ($1, $2, $3, to_timestamp($4 / 1000.0), to_timestamp($5 / 1000.0), '', '')`,
      [`${this.name}-grant-${this.steps}`, budgetId, amountNanos, start, end],
    );
  }
}

/** What a call with this key says whenever it is made, so that calls repeat each other. */
function asRetry(op: Op): Op {
  const { key } = op;
  const budgets = (key * 3 + 1) % 2 ** BUDGETS;
  return { ...op, amount: key * 9, budgets, ttlMs: 20, onExpiry: 'charge_floor', isEnforced: true };
}

const asRepeated = (answer: LedgerAnswer): LedgerAnswer =>
  answer.kind === 'held' || answer.kind === 'posted' ? { ...answer, isReplayed: true } : answer;

const exactly = (answer: LedgerAnswer): unknown => answer;

/** Within a group replays are answered with the balances after all of it. */
function decisively(answer: LedgerAnswer): unknown {
  switch (answer.kind) {
    case 'posted': {
      const { balances: _balances, ...rest } = answer;
      return rest;
    }
    case 'held':
    case 'denied': {
      const { kind } = answer;
      return { kind, refusedBy: kind === 'denied' ? answer.refusedBy : answer.isReplayed };
    }
    case 'released':
    case 'extended':
    case 'expired':
    case 'ended':
      return { kind: answer.kind, id: answer.reservation.id };
    case 'unknown':
    case 'conflict':
    case 'out_of_range':
      return answer;
  }
}

describe('the ledger on PostgreSQL and its model', () => {
  let open: TestDatabase | undefined;

  beforeAll(async () => {
    open = await openTestDatabase();
  });

  afterAll(() => open?.close());

  it('agree on every answer and every balance, whatever callers do', async () => {
    const { database } = present(open, 'the database is open');
    await fc.assert(
      fc.asyncProperty(groups, async (drawn) => {
        const run = new Run(database);
        await run.declareCarryOver();
        for (const { ops: group, fate } of drawn) await run.step(group, fate);
      }),
      { numRuns: Number(process.env['WEIR_LEDGER_RUNS'] ?? 40) },
    );
    expect(await new PostgresBudgetLedger(database).audit()).toEqual([]);
  }, 300_000);
});
