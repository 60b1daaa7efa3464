import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeadLetters, Refusal } from '../../src/budgets/journal/dead-letters.js';
import { MemoryDeadLetters } from '../../src/budgets/journal/memory-dead-letters.js';
import { PostgresDeadLetters } from '../../src/budgets/journal/postgres-dead-letters.js';
import { INT64_MAX } from '../../src/budgets/core/int64.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { entryNumber } from '../support/journaled-debits.js';
import { openTestDatabase } from '../support/postgres.js';

const refusal = (n: number, reason = 'conflict'): Refusal => ({ entry: entryNumber(n), reason });

function deadLettersContract(name: string, make: () => Promise<DeadLetters>): void {
  describe(name, () => {
    let letters: DeadLetters;

    beforeAll(async () => {
      letters = await make();
    });

    it('is empty at first', async () => {
      expect(await letters.count()).toBe(0);
      expect(await letters.list(10, undefined)).toEqual({ letters: [], next: undefined });
      await letters.add([]);
    });

    it('keeps what it is given, once, with all of the debit', async () => {
      const entry = entryNumber(1, { amountNanos: INT64_MAX, model: 'a\0b' });
      await letters.add([{ entry, reason: 'out_of_range' }]);
      await letters.add([{ entry, reason: 'another' }]);
      const { letters: found } = await letters.list(10, undefined);
      expect(found).toHaveLength(1);
      expect(found[0]).toMatchObject({
        id: 'debit_1',
        journaledAt: entry.journaledAt,
        scope: 'key-1',
        virtualKeyId: 'key-1',
        idempotencyKey: 'call-1',
        amountNanos: INT64_MAX,
        reason: 'out_of_range',
      });
      expect(JSON.parse(found[0]?.debitJson ?? '')).toMatchObject({
        debit: { model: 'a\0b', amountNanos: String(INT64_MAX) },
      });
    });

    it('lists page by page, newest first, each once', async () => {
      await letters.add([2, 3, 4].map((n) => refusal(n)));
      await letters.add([5, 6].map((n) => refusal(n)));
      expect(await letters.count()).toBe(6);
      const pages: string[][] = [];
      for (let next = undefined as Awaited<ReturnType<DeadLetters['list']>>['next']; ;) {
        const page = await letters.list(4, next);
        pages.push(page.letters.map(({ id }) => id));
        next = page.next;
        if (next === undefined) break;
      }
      expect(pages.map((page) => page.length)).toEqual([4, 2]);
      expect(new Set(pages.flat()).size).toBe(6);
      expect(pages.flat().at(-1)).toBe('debit_1');
    });
  });
}

deadLettersContract('MemoryDeadLetters', async () => new MemoryDeadLetters(new SystemClock()));

describe('on PostgreSQL', () => {
  let open: Awaited<ReturnType<typeof openTestDatabase>>;

  beforeAll(async () => {
    open = await openTestDatabase();
  });

  afterAll(() => open.close());

  deadLettersContract('PostgresDeadLetters', async () => new PostgresDeadLetters(open.database));
});
