import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BudgetLedger } from '../../src/budgets/budget-ledger.js';
import { INT64_MAX } from '../../src/budgets/core/int64.js';
import type { LedgerAnswer } from '../../src/budgets/core/ledger-item.js';
import type { Debit, PeriodKey } from '../../src/budgets/core/ledger-model.js';
import { wallMs } from '../../src/common/time.js';
import { insist } from '../support/insist.js';

const JANUARY = { start: wallMs(1_767_225_600_000), end: wallMs(1_769_904_000_000) };
const FEBRUARY = { start: wallMs(1_769_904_000_000), end: wallMs(1_772_323_200_000) };

/** Each test has names of its own, so that a ledger may be shared between tests. */
let testNumber = 0;

const named = (name: string): string => `${name}-${testNumber}`;

const period = (name: string, interval = JANUARY, generation = 1): PeriodKey => ({
  budgetId: named(name),
  generation,
  period: interval,
});

function debit(key: string, changes: Partial<Debit> = {}): Debit {
  return {
    id: named(`debit-${key}`),
    scope: named('key'),
    idempotencyKey: key,
    bodyHash: 'ab'.repeat(32),
    virtualKeyId: named('key'),
    teamId: named('team'),
    customerId: named('customer'),
    provider: 'openai',
    model: 'gpt-5',
    amountNanos: 100n,
    tokens: { input: 1n, cachedInput: 2n, output: 3n, reasoning: 4n },
    priceId: 'price_1',
    priceRevision: 7,
    postedTo: [period('budget')],
    ...changes,
  };
}

const kinds = (answers: readonly LedgerAnswer[]): readonly string[] =>
  answers.map((answer) =>
    answer.kind === 'posted' && answer.isReplayed ? 'replayed' : answer.kind,
  );

const OTHER_BODY = 'cd'.repeat(32);

/** What every {@link BudgetLedger} does. `open` is called once for each test. */
export function budgetLedgerContract(name: string, open: () => Promise<BudgetLedger>): void {
  describe(`BudgetLedger: ${name}`, () => {
    let ledger: BudgetLedger;

    beforeEach(async () => {
      testNumber++;
      ledger = await open();
    });

    const post = (debits: readonly Debit[]): Promise<readonly LedgerAnswer[]> =>
      insist(() =>
        ledger.decide(
          debits.map((each) => ({
            kind: 'debit',
            debit: each,
            reservation: undefined,
            watched: [],
          })),
        ),
      );

    const postedTo = async (...keys: PeriodKey[]): Promise<readonly bigint[]> =>
      (await ledger.readLevels(keys)).map((balance) => balance.postedNanos);

    it('reads zero where nothing was posted, in the order asked', async () => {
      await post([debit('a', { postedTo: [period('second')] })]);
      const keys = [period('first'), period('second'), period('first')];
      const balances = await ledger.readLevels(keys);
      expect(balances.map((balance) => balance.key)).toEqual(keys);
      expect(balances.map((balance) => balance.postedNanos)).toEqual([0n, 100n, 0n]);
      expect(balances.map((balance) => balance.heldNanos)).toEqual([0n, 0n, 0n]);
      expect(await ledger.readLevels([])).toEqual([]);
    });

    it('posts a debit to each of its periods and answers with facts and balances', async () => {
      const keys = [period('z'), period('a'), period('a', FEBRUARY), period('a', JANUARY, 2)];
      const [answer] = await post([debit('a', { postedTo: keys })]);
      expect(answer).toEqual({
        kind: 'posted',
        facts: {
          id: named('debit-a'),
          amountNanos: 100n,
          priceId: 'price_1',
          priceRevision: 7,
          recordedAt: expect.any(Number),
          postedTo: keys,
        },
        balances: keys.map((key) => ({ key, postedNanos: 100n, heldNanos: 0n, extraNanos: 0n })),
        isReplayed: false,
        isLate: false,
        overageNanos: 0n,
        crossed: [],
        takes: '',
      });
      expect(await postedTo(...keys)).toEqual([100n, 100n, 100n, 100n]);
    });

    it('records a debit that no budget matches', async () => {
      const [answer] = await post([debit('a', { postedTo: [] })]);
      expect(answer).toMatchObject({ kind: 'posted', balances: [] });
      const owner = { kind: 'virtual_key', id: named('key') } as const;
      expect((await ledger.sumSpend({ owner, interval: undefined })).amountNanos).toBe(100n);
    });

    it('does nothing for an empty group', async () => {
      expect(await post([])).toEqual([]);
    });

    it('sums up a group that meets the same and different periods', async () => {
      const answers = await post([
        debit('a', { postedTo: [period('x'), period('y')] }),
        debit('b', { amountNanos: 5n, postedTo: [period('y')] }),
        debit('c', { amountNanos: 0n, postedTo: [period('z')] }),
      ]);
      expect(kinds(answers)).toEqual(['posted', 'posted', 'posted']);
      expect(await postedTo(period('x'), period('y'), period('z'))).toEqual([100n, 105n, 0n]);
    });

    it('answers a used key with the first facts, and with the balances of now', async () => {
      const [first] = await post([debit('a')]);
      await post([debit('b')]);
      const again = debit('a', { id: 'other', amountNanos: 999n, postedTo: [period('other')] });
      const [replayed] = await post([again]);
      expect(replayed).toMatchObject({
        kind: 'posted',
        isReplayed: true,
        facts: first?.kind === 'posted' ? first.facts : undefined,
        balances: [{ key: period('budget'), postedNanos: 200n, heldNanos: 0n }],
      });
      expect(await postedTo(period('budget'), period('other'))).toEqual([200n, 0n]);
    });

    it('refuses a used key with another body, and posts the rest of the group', async () => {
      await post([debit('a')]);
      const answers = await post([
        debit('b'),
        debit('a', { bodyHash: OTHER_BODY }),
        debit('c'),
        debit('a'),
      ]);
      expect(kinds(answers)).toEqual(['posted', 'conflict', 'posted', 'replayed']);
      expect(await postedTo(period('budget'))).toEqual([300n]);
    });

    it('lets the first of a group have the key', async () => {
      const answers = await post([
        debit('a'),
        debit('a', { id: 'second' }),
        debit('a', { id: 'third', bodyHash: OTHER_BODY, amountNanos: 7n }),
      ]);
      expect(kinds(answers)).toEqual(['posted', 'replayed', 'conflict']);
      expect(answers[1]).toMatchObject({ facts: { id: named('debit-a') } });
      expect(await postedTo(period('budget'))).toEqual([100n]);
    });

    it('keeps the keys of different scopes apart', async () => {
      const answers = await post([
        debit('a'),
        debit('a', { id: named('other'), scope: named('other') }),
        debit('a', { id: named('none'), scope: '', idempotencyKey: named('a') }),
      ]);
      expect(kinds(answers)).toEqual(['posted', 'posted', 'posted']);
    });

    it('has one effect for 50 callers with one key', async () => {
      const callers = Array.from({ length: 50 }, (_, i) =>
        debit('a', { id: named(`caller-${i}`) }),
      );
      const answers = await Promise.all(callers.map((caller) => post([caller])));
      expect(kinds(answers.flat()).filter((kind) => kind === 'posted')).toHaveLength(1);
      expect(kinds(answers.flat()).filter((kind) => kind === 'replayed')).toHaveLength(49);
      const ids = answers.flat().map((answer) => 'facts' in answer && answer.facts.id);
      expect(new Set(ids).size).toBe(1);
      expect(await postedTo(period('budget'))).toEqual([100n]);
    });

    it('reaches the edge of int64, and refuses only what would pass it', async () => {
      const answers = await post([
        debit('a', { amountNanos: INT64_MAX - 10n }),
        debit('b', { amountNanos: 11n, postedTo: [period('budget'), period('other')] }),
        debit('c', { amountNanos: 10n }),
        debit('d', { amountNanos: 1n, postedTo: [period('other')] }),
        debit('e', { amountNanos: 1n }),
      ]);
      expect(kinds(answers)).toEqual([
        'posted',
        'out_of_range',
        'posted',
        'posted',
        'out_of_range',
      ]);
      expect(await postedTo(period('budget'), period('other'))).toEqual([INT64_MAX, 1n]);
      expect(kinds(await post([debit('b', { amountNanos: 11n })]))).toEqual(['out_of_range']);
      const fits = debit('b', { amountNanos: 2n, postedTo: [period('other')] });
      expect(kinds(await post([fits]))).toEqual(['posted']);
    });

    it('tells the debit that reaches a threshold, again when it is repeated, and no other', async () => {
      const key = period('watched');
      const watched = { key, limitNanos: 200n, isEnforced: true, thresholdPercents: [50, 80, 100] };
      const items = ['a', 'b', 'c'].map((each) => ({
        kind: 'debit' as const,
        debit: debit(each, { postedTo: [key], amountNanos: each === 'b' ? 60n : 100n }),
        reservation: undefined,
        watched: [watched],
      }));
      const crossings = (answers: readonly LedgerAnswer[]) =>
        answers.map(
          (answer) => answer.kind === 'posted' && answer.crossed.map(({ percent }) => percent),
        );
      expect(crossings(await ledger.decide(items))).toEqual([[50], [80], [100]]);
      expect(crossings(await ledger.decide(items))).toEqual([[50], [80], [100]]);
      expect(crossings(await post([debit('d', { postedTo: [key] })]))).toEqual([[]]);
      const later = { ...watched, limitNanos: 50n };
      const [last] = items.map((item) => ({
        ...item,
        debit: debit('e', { postedTo: [key] }),
        watched: [later],
      }));
      expect(crossings(last === undefined ? [] : await ledger.decide([last]))).toEqual([[]]);
    });

    it('keeps text as it is', async () => {
      const odd = 'a"b\\c{d},\n😀 NULL';
      const key = period(odd);
      const changes = { scope: named(odd), model: odd, priceId: odd, postedTo: [key] };
      await post([debit(odd, changes)]);
      const [again] = await post([debit(odd, changes)]);
      expect(again).toMatchObject({
        kind: 'posted',
        isReplayed: true,
        facts: { priceId: odd, postedTo: [key] },
      });
      expect(await postedTo(key)).toEqual([100n]);
    });

    it('posts to a period that reaches from the year 1 to the year 9999', async () => {
      const lifetime = { start: wallMs(-62_135_596_800_000), end: wallMs(253_402_300_799_999) };
      const key = period('lifetime', lifetime);
      await post([debit('a', { postedTo: [key] })]);
      const [again] = await post([debit('a', { postedTo: [key] })]);
      expect(again).toMatchObject({ kind: 'posted', isReplayed: true, facts: { postedTo: [key] } });
    });

    it('decides what goes in one transaction at one time', async () => {
      const answers = await post(Array.from({ length: 50 }, (_, i) => debit(`${i}`)));
      const times = answers.map((answer) => answer.kind === 'posted' && answer.facts.recordedAt);
      expect(new Set(times)).toEqual(new Set([expect.any(Number)]));
    });

    it('sums up by owner and by the time of recording', async () => {
      const other = { virtualKeyId: named('key2'), scope: named('key2') };
      const answers = await post([
        debit('a'),
        debit('b', { ...other, amountNanos: 11n }),
        debit('c', { ...other, amountNanos: 1n, teamId: named('team2') }),
      ]);
      const sum = async (kind: 'customer' | 'team' | 'virtual_key', id: string) =>
        (await ledger.sumSpend({ owner: { kind, id: named(id) }, interval: undefined }))
          .amountNanos;
      expect(await sum('virtual_key', 'key')).toBe(100n);
      expect(await sum('virtual_key', 'key2')).toBe(12n);
      expect(await sum('team', 'team')).toBe(111n);
      expect(await sum('customer', 'customer')).toBe(112n);
      expect(await sum('customer', 'nobody')).toBe(0n);
      const [first] = answers;
      const recordedAt = first?.kind === 'posted' ? first.facts.recordedAt : wallMs(0);
      const owner = { kind: 'customer', id: named('customer') } as const;
      const within = { start: recordedAt, end: wallMs(recordedAt + 1) };
      const before = { start: wallMs(0), end: recordedAt };
      expect(await ledger.sumSpend({ owner, interval: within })).toEqual({
        debits: 3n,
        amountNanos: 112n,
        tokens: { input: 3n, cachedInput: 6n, output: 9n, reasoning: 12n },
      });
      expect((await ledger.sumSpend({ owner, interval: before })).debits).toBe(0n);
    });

    it('sums up everything for the root, beyond int64', async () => {
      const root = { owner: { kind: 'root', id: '' }, interval: undefined } as const;
      const before = (await ledger.sumSpend(root)).amountNanos;
      await post([
        debit('a', { amountNanos: INT64_MAX, postedTo: [] }),
        debit('b', { amountNanos: INT64_MAX, postedTo: [] }),
      ]);
      expect((await ledger.sumSpend(root)).amountNanos - before).toBe(2n * INT64_MAX);
    });

    it('comes out right when groups overlap in any order at once', async () => {
      const budgets = Array.from({ length: 20 }, (_, i) => period(`budget-${i}`));
      const group = (g: number): Debit[] =>
        Array.from({ length: 40 }, (_, i) =>
          debit(`${(g * 7 + i * 13) % 60}`, {
            id: named(`debit-${g}-${i}`),
            amountNanos: 3n,
            postedTo: [budgets[(g * 3 + i * 7) % 20], budgets[(g + i * 11 + 1) % 20]]
              .filter((key, place, all) => key !== undefined && all.indexOf(key) === place)
              .flatMap((key) => (key === undefined ? [] : [key])),
          }),
        );
      const answers = await Promise.all(Array.from({ length: 12 }, (_, g) => post(group(g))));
      const posted = answers
        .flat()
        .flatMap((answer) => (answer.kind === 'posted' && !answer.isReplayed ? [answer] : []));
      expect(posted).toHaveLength(60);
      const expected = posted.reduce(
        (sum, answer) => sum + 3n * BigInt(answer.facts.postedTo.length),
        0n,
      );
      const sums = await postedTo(...budgets);
      expect(sums.reduce((a, b) => a + b, 0n)).toBe(expected);
    });
  });
}
