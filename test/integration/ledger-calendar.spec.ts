import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LedgerItem, PeriodLimit } from '../../src/budgets/core/ledger-item.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { intervalAt } from '../../src/common/interval-at.js';
import type { CalendarRule } from '../../src/common/recurrence.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, type WallMs, wallMs } from '../../src/common/time.js';
import { openTestDatabase, type TestDatabase } from '../contract/budget-ledger-database.js';
import { debitOf, holdOf } from '../support/ledger-items.js';

class TimedLedger extends PostgresBudgetLedger {
  now = wallMs(0);

  protected override decidedAt(): WallMs {
    return this.now;
  }
}

type CalendarRecurrence = CalendarRule & { readonly kind: 'calendar' };

const rule = (over: Partial<CalendarRule>): CalendarRecurrence => ({
  kind: 'calendar',
  unit: 'day',
  timeZone: 'UTC',
  weekStart: 1,
  anchorDay: 1,
  anchorMonth: 1,
  ...over,
});

const BERLIN = rule({ timeZone: 'Europe/Berlin' });
const LORD_HOWE = rule({ timeZone: 'Australia/Lord_Howe' });
const MONTH_31 = rule({ unit: 'month', anchorDay: 31 });

/** When the period ends, and how long it and the one after it are. */
const CASES: [name: string, CalendarRecurrence, turn: string, lengthsMs: [number, number]][] = [
  ['a day of 23 hours in Berlin', BERLIN, '2026-03-29T22:00Z', [23 * HOUR_MS, DAY_MS]],
  ['the day before it', BERLIN, '2026-03-28T23:00Z', [DAY_MS, 23 * HOUR_MS]],
  ['a day of 25 hours in Berlin', BERLIN, '2026-10-25T23:00Z', [25 * HOUR_MS, DAY_MS]],
  [
    'half an hour more on Lord Howe',
    LORD_HOWE,
    '2026-04-05T13:30Z',
    [DAY_MS + 30 * MINUTE_MS, DAY_MS],
  ],
  ['February 29', rule({}), '2028-03-01T00:00Z', [DAY_MS, DAY_MS]],
  [
    "a leap year's February",
    rule({ unit: 'month' }),
    '2028-03-01T00:00Z',
    [29 * DAY_MS, 31 * DAY_MS],
  ],
  ['the month up to January 31', MONTH_31, '2027-01-31T00:00Z', [31 * DAY_MS, 28 * DAY_MS]],
  ['the month from January 31 on', MONTH_31, '2027-02-28T00:00Z', [28 * DAY_MS, 31 * DAY_MS]],
  ['the same in a leap year', MONTH_31, '2028-02-29T00:00Z', [29 * DAY_MS, 31 * DAY_MS]],
];

describe('a hold in the last millisecond of its period', () => {
  let open: TestDatabase;
  let ledger: TimedLedger;

  beforeAll(async () => {
    open = await openTestDatabase();
    ledger = new TimedLedger(open.database);
  });

  afterAll(() => open.close());

  const decide = async (item: LedgerItem) => (await ledger.decide([item]))[0];

  it.each(CASES)(
    'is settled there: %s',
    async (name, recurrence, turn, [lengthMs, nextLengthMs]) => {
      const end = Date.parse(turn);
      const limitAt = (now: number): PeriodLimit => ({
        key: { budgetId: name, generation: 1, period: intervalAt(recurrence, wallMs(now)) },
        limitNanos: 100n,
        isEnforced: true,
        thresholdPercents: [],
      });
      const [ending, next] = [limitAt(end - 1), limitAt(end)];
      expect(ending.key.period).toEqual({ start: end - lengthMs, end });
      expect(next.key.period).toEqual({ start: end, end: end + nextLengthMs });

      ledger.now = wallMs(end - 1);
      const hold = holdOf(`${name} hold`, name, { budgets: [ending], amountNanos: 100n });
      expect(await decide(hold)).toMatchObject({ kind: 'held' });
      const second = { ...hold, id: `${name} second`, reservationKey: 'second' };
      expect(await decide(second)).toMatchObject({ kind: 'denied' });

      ledger.now = wallMs(end);
      const fresh = { ...second, budgets: [next] };
      expect(await decide(fresh)).toMatchObject({ kind: 'held' });
      const settle = debitOf(
        `${name} debit`,
        name,
        { amountNanos: 70n, postedTo: [next.key] },
        hold,
      );
      expect(await decide(settle)).toMatchObject({ facts: { postedTo: [ending.key] } });
      const levels = await ledger.readLevels([ending.key, next.key]);
      expect(levels.map(({ postedNanos, heldNanos }) => [postedNanos, heldNanos])).toEqual([
        [70n, 0n],
        [0n, 100n],
      ]);
      expect(await ledger.audit()).toEqual([]);
    },
  );
});
