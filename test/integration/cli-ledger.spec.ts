/** The commands that show the ledger, on a whole service. */
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PostgresDeadLetters } from '../../src/budgets/journal/postgres-dead-letters.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { EXIT, type ExitCode } from '../../src/cli/exit-code.js';
import { runCli } from '../../src/cli/program.js';
import { debitOf, FEBRUARY, holdOf, periodOf } from '../support/ledger-items.js';
import { openTestDatabase, runSql } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

let opened: Awaited<ReturnType<typeof openTestDatabase>>;
let replica: Replica;

beforeAll(async () => {
  opened = await openTestDatabase();
  replica = await startReplica(opened.url);
  const keys = [periodOf('ada-budget'), periodOf('ada-budget', FEBRUARY)];
  const open = holdOf('res_1', 'ada');
  await new PostgresBudgetLedger(opened.database).decide([
    debitOf('debit_1', 'ada', { postedTo: keys, amountNanos: 500_000_000n }),
    debitOf('debit_2', 'bob'),
    open,
    holdOf('res_2', 'ada', { reservationKey: 'odd\u001b[31mkey' }),
  ]);
});

afterAll(async () => {
  await replica?.stop();
  await opened?.close();
});

interface Run {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, against the replica. */
async function weir(...args: readonly string[]): Promise<Run> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { write: (text) => (written.err += text) },
    stdin: Readable.from([]),
    env: { WEIR_TARGET: replica.service.grpcAddress },
    stopRequested: () => new Promise(() => undefined),
  });
  return { code, ...written };
}

/** The document that a command prints, which must not fail. */
async function json(...args: readonly string[]) {
  const { code, out, err } = await weir(...args, '--json');
  expect({ code, err }).toEqual({ code: EXIT.OK, err: '' });
  return JSON.parse(out);
}

describe('weir ledger list', () => {
  it('shows a table for people and a document for programs', async () => {
    const { out } = await weir('ledger', 'list');
    expect(out).toMatch(/^RECORDED \(UTC\) +ID +KIND +KEY +MODEL +AMOUNT/);
    expect(out).toMatch(/debit_1 +debit +ada +openai\/gpt-4o +\$0\.50 +ada-budget, ada-budget/);
    expect(await json('ledger', 'list', '--key', 'ada')).toMatchObject({
      entries: [{ id: 'debit_1', amountNanos: '500000000', postings: [{}, {}] }],
      more: false,
    });
  });

  it('filters by owner, budget and time', async () => {
    const ids = async (...args: readonly string[]) =>
      (await json('ledger', 'list', ...args)).entries.map(({ id }: { id: string }) => id);
    expect(await ids('--root')).toEqual(['debit_2', 'debit_1']);
    expect(await ids('--team', 'bob-team')).toEqual(['debit_2']);
    expect(await ids('--customer', 'ada-customer')).toEqual(['debit_1']);
    expect(await ids('--budget', 'bob-budget')).toEqual(['debit_2']);
    expect(await ids('--from', '2020-01-01')).toHaveLength(2);
    expect(await ids('--to', '2020-01-01')).toEqual([]);
  });

  it('stops at the limit and says that there is more', async () => {
    expect((await weir('ledger', 'list', '--limit', '1')).out).toContain('raise --limit');
    expect(await json('ledger', 'list', '--limit', '1')).toMatchObject({
      entries: [{ id: 'debit_2' }],
      more: true,
    });
  });

  it.each([
    [['--limit', '0'], '--limit'],
    [['--key', 'ada', '--root'], 'one owner'],
    [['--key', 'a b'], 'owner.id'],
    [['--budget', 'a b'], 'budget_id (--budget'],
    [['--from', '2026-02-01', '--to', '2026-01-01'], 'interval.end (--to)'],
    [['--from', 'yesterday'], '2026-08-01'],
  ])('refuses %j', async (args, hint) => {
    expect(await weir('ledger', 'list', ...args)).toMatchObject({
      code: EXIT.USAGE,
      err: expect.stringContaining(hint),
    });
  });

  it('says so if there is nothing', async () => {
    const { code, out } = await weir('ledger', 'list', '--key', 'nobody');
    expect({ code, out }).toEqual({ code: EXIT.OK, out: 'The ledger has no such entries.\n' });
  });
});

describe('weir budget', () => {
  it('periods shows what each period has seen', async () => {
    const { out } = await weir('budget', 'periods', 'ada-budget');
    expect(out).toMatch(/^PERIOD \(UTC\) +GENERATION +SPENT +HELD +CARRIED IN/);
    expect(out).toMatch(/2026-01-01T00:00:00Z - 2026-02-01T00:00:00Z +1 +\$0\.50 +\$0\.0000008/);
    expect(await json('budget', 'periods', 'ada-budget', '--limit', '1')).toMatchObject({
      periods: [{ name: { budgetId: 'ada-budget', generation: 1 }, postedNanos: '500000000' }],
      more: true,
    });
    expect((await weir('budget', 'periods', 'none')).out).toContain('Nothing was spent');
    expect(await weir('budget', 'periods')).toMatchObject({ code: EXIT.USAGE });
  });

  it('audit proves every balance, or names those that are wrong and fails', async () => {
    expect(await json('budget', 'audit')).toEqual({ faults: [] });
    expect(await weir('budget', 'audit')).toMatchObject({ code: EXIT.OK, err: '' });
    const add = (nanos: number): Promise<void> =>
      runSql(
        `UPDATE budget_periods SET posted_nanos = posted_nanos + ${nanos}
        WHERE budget_id = 'bob-budget'`,
        opened.url,
      );
    await add(1);
    expect(await weir('budget', 'audit')).toMatchObject({
      code: EXIT.FAILED,
      out: expect.stringContaining('bob-budget generation 1'),
    });
    const { code, out } = await weir('budget', 'audit', '--json');
    expect({ code, faults: JSON.parse(out).faults.length }).toEqual({
      code: EXIT.FAILED,
      faults: 1,
    });
    await add(-1);
    expect(await weir('budget', 'audit')).toMatchObject({ code: EXIT.OK });
  });
});

describe('weir reservation', () => {
  it('lists and releases', async () => {
    const { out } = await weir('reservation', 'list', '--state', 'held');
    expect(out).toMatch(/^ID +STATE +KEY +MODEL +HELD/);
    expect(out).toMatch(/res_1 +held +ada +openai\/gpt-4o +\$0\.0000004/);
    expect(await weir('reservation', 'release', 'res_1')).toEqual({
      code: EXIT.OK,
      out: 'Released reservation res_1.\n',
      err: '',
    });
    expect(await json('reservation', 'release', 'res_1')).toMatchObject({
      id: 'res_1',
      state: 'RESERVATION_STATE_EXPIRED',
      chargedNanos: '0',
    });
    expect(await json('reservation', 'list', '--key', 'ada', '--state', 'held')).toMatchObject({
      reservations: [{ id: 'res_2', amountNanos: '400', heldIn: [{ budgetId: 'ada-budget' }] }],
      more: false,
    });
    expect((await weir('reservation', 'list', '--key', 'bob')).out).toContain('no such');
  });

  it('releases one of limits alone, which is in no list', async () => {
    await json('key', 'create', 'una');
    await json(
      'limit',
      'create',
      '--key',
      'una',
      '--max',
      '9',
      '--unit',
      'tokens',
      '--per',
      'year',
    );
    const check = ['check', '--key', 'una', '--tokens', '4'] as const;
    const held = await json(...check, '--reservation-key', 'call-1');
    expect(held).toMatchObject({ statuses: [{ remaining: '5' }] });
    expect(await json('reservation', 'release', held.reservationId)).toMatchObject({
      virtualKeyId: 'una',
      reservationKey: 'call-1',
      state: 'RESERVATION_STATE_RELEASED',
    });
    expect(await json(...check, '--dry-run')).toMatchObject({ statuses: [{ remaining: '9' }] });
  });

  it('refuses states and ids that do not exist', async () => {
    expect(await weir('reservation', 'list', '--state', 'lost')).toMatchObject({
      code: EXIT.USAGE,
      err: expect.stringContaining('held, committed, released, expired'),
    });
    expect(await weir('reservation', 'release', 'res_9')).toMatchObject({ code: EXIT.USAGE });
  });
});

describe('weir journal dead-letters', () => {
  it('shows what the ledger refused', async () => {
    expect((await weir('journal', 'dead-letters')).out).toContain('no dead letters');
    const entry = { journaledAt: FEBRUARY.start, item: debitOf('dead', 'ada') };
    await new PostgresDeadLetters(opened.database).add([{ entry, reason: 'conflict' }]);
    const { out } = await weir('journal', 'dead-letters');
    expect(out).toMatch(/2026-02-01T00:00:00Z +dead +ada +dead-key +openai\/gpt-4o .*conflict$/m);
    expect(await json('journal', 'dead-letters')).toMatchObject({
      deadLetters: [{ id: 'dead', amountNanos: '100', reason: 'conflict' }],
      more: false,
    });
  });
});
