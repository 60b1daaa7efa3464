import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BudgetsService } from '../../src/budgets/budgets.service.js';
import { DebitJournal } from '../../src/budgets/journal/debit-journal.js';
import { JournalPorts } from '../../src/budgets/journal/journal-ports.js';
import { JournalDriver } from '../../src/budgets/journal/journal.driver.js';
import { NodeJournalFolder } from '../../src/budgets/journal/node-journal-folder.js';
import { PostgresDeadLetters } from '../../src/budgets/journal/postgres-dead-letters.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { silentLog } from '../../src/common/log.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { Unit } from '../../src/gen/weir/v1/common.js';
import { Durability, QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { createClient } from '../../src/rpc/grpc-client.js';
import { connectionFromUrl } from '../../src/storage/postgres-connection.js';
import { TypeOrmDatabase } from '../../src/storage/typeorm-database.js';
import {
  checkOf,
  debitOf,
  declareBudget,
  declareKey,
  declareLimit,
  match,
  ofKey,
} from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { debitNumber, itemOf, journalConfig, PERIOD } from '../support/journaled-debits.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { PATIENT, startReplica } from '../support/start-replica.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const RUN_SOURCES = pathToFileURL(join(process.cwd(), 'test/support/run-sources.mjs')).href;
const MAIN = join(process.cwd(), 'src/cli/main.ts');
const LIMITS = { poolSize: 4, statementTimeoutMs: 30_000, lockTimeoutMs: 30_000 };

let folder: string;
let server: TestDatabase;
let network: TcpProxy;
/** Past the network that the test takes away. */
let direct: TypeOrmDatabase;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-journal-'));
  server = await createTestDatabase();
  network = new TcpProxy(server.url);
  await network.up();
  direct = await TypeOrmDatabase.open(connectionFromUrl(server.url, 'disable'), LIMITS, silentLog);
});

afterEach(async () => {
  await direct.close();
  await network.down();
  await server.drop();
  await removeFolder(folder);
});

async function ledgerKeys(): Promise<readonly string[]> {
  const rows = await direct.query<{ key: string }>(
    'SELECT idempotency_key AS key FROM ledger_entries ORDER BY recorded_at',
  );
  return rows.map(({ key }) => key);
}

const expectOnce = async (keys: readonly string[]): Promise<void> => {
  expect([...(await ledgerKeys())].sort()).toEqual([...keys].sort());
  expect(await new PostgresBudgetLedger(direct).audit()).toEqual([]);
};

describe('the journal between a service and PostgreSQL', () => {
  let database: TypeOrmDatabase;
  let ledger: PostgresBudgetLedger;
  let driver: JournalDriver;
  let budgets: BudgetsService;
  let deadLetters: PostgresDeadLetters;

  beforeEach(async () => {
    const config = journalConfig({ dataDir: join(folder, 'journal'), ledgerMaxWaitMs: 1_000 });
    database = await TypeOrmDatabase.open(
      connectionFromUrl(network.url, 'disable'),
      LIMITS,
      silentLog,
    );
    ledger = new PostgresBudgetLedger(database);
    deadLetters = new PostgresDeadLetters(database);
    const clock = new SystemClock();
    const journal = new DebitJournal(new NodeJournalFolder(config), clock, silentLog, config);
    const ports = new JournalPorts(clock, silentLog);
    driver = new JournalDriver(journal, ledger, deadLetters, ports, config);
    budgets = new BudgetsService(ledger, driver, config);
    await driver.onModuleInit();
    await driver.onApplicationBootstrap();
  });

  afterEach(async () => {
    await network.up();
    await budgets.onApplicationShutdown();
    await database.close();
  });

  it('loses nothing and posts nothing twice, however often the network goes', async () => {
    const load = { sent: 0, isOver: false, posted: 0, journaled: 0 };
    const caller = async (): Promise<void> => {
      while (!load.isOver) {
        const { kind } = await budgets.debit(itemOf(debitNumber(++load.sent)));
        if (kind === 'posted') load.posted++;
        else if (kind === 'journaled') load.journaled++;
        else throw new Error(`unexpected: ${kind}`);
      }
    };
    const callers = Promise.all(Array.from({ length: 10 }, caller));
    for (const takeAway of [
      () => network.down(),
      async () => network.stall(),
      () => network.down(),
    ]) {
      const { posted } = load;
      await eventually('debits go directly', () => load.posted > posted + 50);
      await takeAway();
      const { journaled } = load;
      await eventually('debits are journaled', () => load.journaled > journaled + 50);
      await network.up();
      await eventually('the journal is replayed', () => driver.isClear);
    }
    load.isOver = true;
    await callers;
    await eventually('the journal is replayed', () => driver.isClear);
    await expectOnce(Array.from({ length: load.sent }, (_, i) => `call-${i + 1}`));
    expect(await deadLetters.count()).toBe(0);
  }, 300_000);

  it('replays what was held, settled and in conflict', async () => {
    const debit = debitNumber(1);
    const hold = {
      ...debit,
      kind: 'hold',
      id: 'res',
      reservationKey: 'r',
      floorNanos: 0n,
    } as const;
    const limit = { key: PERIOD, limitNanos: 100n, isEnforced: true, thresholdPercents: [50] };
    const rest = { onExpiry: 'release', ttlMs: 600_000, budgets: [limit], takes: '' } as const;
    const held = await budgets.reserve({ ...hold, ...rest, amountNanos: 40n });
    expect(held).toMatchObject({ kind: 'held' });
    await budgets.debit(itemOf(debitNumber(9)));
    await network.down();
    const reservation = { kind: 'key', key: 'r' } as const;
    const settle = { ...itemOf(debitNumber(30)), reservation, watched: [limit] };
    expect(await budgets.debit(settle)).toMatchObject({ kind: 'journaled' });
    const other = debitNumber(9, { id: 'other', bodyHash: 'cd'.repeat(32) });
    expect(await budgets.debit(itemOf(other))).toMatchObject({ kind: 'journaled' });
    expect(await budgets.debit(itemOf(debitNumber(2)))).toMatchObject({ kind: 'journaled' });
    await network.up();
    await eventually('the journal is replayed', () => driver.isClear);
    const [balance] = await ledger.readLevels([PERIOD]);
    expect(balance).toMatchObject({ postedNanos: 41n, heldNanos: 0n });
    const { letters } = await deadLetters.list(10, undefined);
    expect(letters).toMatchObject([{ id: 'other', reason: 'conflict', idempotencyKey: 'call-9' }]);
    await expectOnce(['call-9', 'call-30', 'call-2']);
    expect(driver.state()).toMatchObject({ records: 0, bytes: 0, deadLetters: 1 });
  });
});

/** A whole service in a process of its own, to be killed. */
class Service {
  private out = '';
  private readonly child: ChildProcess;

  constructor(dataDir: string) {
    const settings = {
      'log.level': 'warn',
      'storage.postgres.url': `${network.url}?sslmode=disable`,
      'journal.dataDir': dataDir,
    };
    const args = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    this.child = spawn(
      process.execPath,
      [
        '--import',
        RUN_SOURCES,
        MAIN,
        'serve',
        '--json',
        '--grpc-port',
        '0',
        '--http-port',
        '0',
        ...args,
      ],
      { cwd: folder },
    );
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.out += chunk.toString()));
  }

  async quota() {
    const address = (): string | undefined => /"grpcAddress": ?"([^"]+)"/.exec(this.out)?.[1];
    await eventually(`it serves: ${this.out}`, () => address() !== undefined, 120_000);
    return createClient(QuotaServiceService, 'weir.v1.QuotaService', address() ?? '', PATIENT);
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }
}

describe('a service that is killed', () => {
  it('replays after its restart what it had acknowledged, each once', async () => {
    const declaring = await startReplica(server.url);
    const { keyId } = await declareKey(declaring, 'killed');
    await declaring.stop();
    const dataDir = join(folder, 'journal');
    const acknowledged: string[] = [];
    let service = new Service(dataDir);
    try {
      for (let round = 0; round < 3; round++) {
        const quota = await service.quota();
        await quota.debitBudget(debitOf(keyId, `warm-${round}`));
        acknowledged.push(`warm-${round}`);
        await network.down();
        const keys = Array.from({ length: 50 }, (_, i) => `debit-${round}-${i}`);
        await Promise.all(keys.map((key) => quota.debitBudget(debitOf(keyId, key))));
        acknowledged.push(...keys);
        // The first time between the journal and the replay, then somewhere in it.
        if (round === 0) await service.kill();
        await network.up();
        if (round > 0)
          await eventually('a replay begins', async () => (await ledgerKeys()).length > round * 51);
        await service.kill();
        quota.close();
        service = new Service(dataDir);
      }
      await eventually('all is replayed', async () => (await ledgerKeys()).length >= 153, 120_000);
      await expectOnce(acknowledged);
    } finally {
      await service.kill();
    }
  }, 300_000);
});

describe('a limit', () => {
  it('is corrected when a debit that settles goes to the journal, and not again when it comes out', async () => {
    const replica = await startReplica(network.url);
    try {
      const { keyId } = await declareKey(replica, 'corrected');
      const owner = ofKey(keyId);
      await declareBudget(replica, { owner, match: match({ models: ['paid'] }) });
      const limit = await declareLimit(replica, { owner, unit: Unit.UNIT_TOKENS, maximum: 100n });
      const left = async (): Promise<bigint | undefined> => {
        const { statuses } = await replica.quota.checkLimit(checkOf(keyId, { dryRun: true }));
        return statuses.find(({ policyId }) => policyId === limit.id)?.remaining;
      };
      await replica.quota.checkLimit(
        checkOf(keyId, { model: 'paid', reservationKey: 'held', amountNanos: 10n, tokens: 80n }),
      );
      expect(await left()).toBe(20n);
      await network.down();
      const settle = () =>
        replica.quota.debitBudget(
          debitOf(keyId, 'settle', {
            model: 'paid',
            usage: { input: 10n, cachedInput: 0n, output: 20n, reasoning: 0n },
            reservation: { $case: 'reservationKey', value: 'held' },
          }),
        );
      const journaled = { durability: Durability.DURABILITY_JOURNALED };
      expect(await settle()).toMatchObject({ ...journaled, replayed: false });
      expect(await left()).toBe(70n);
      expect(await settle()).toMatchObject({ ...journaled, replayed: true });
      expect(await left()).toBe(70n);
      await network.up();
      await eventually(
        'the ledger has the debit',
        async () => (await settle()).durability === Durability.DURABILITY_COMMITTED,
        60_000,
      );
      expect(await ledgerKeys()).toEqual(['settle']);
      expect(await left()).toBe(70n);
    } finally {
      await network.up();
      await replica.stop();
    }
  }, 300_000);
});

describe('NodeJournalFolder', () => {
  const open = async (dataDir: string): Promise<NodeJournalFolder> => {
    const made = new NodeJournalFolder(journalConfig({ dataDir }));
    await made.open();
    return made;
  };

  it('names the process that has it', async () => {
    const held = await open(join(folder, 'j'));
    await expect(open(join(folder, 'j'))).rejects.toThrow(
      new RegExp(`in use by another Weir \\(process ${process.pid}\\).*journal\\.dataDir`),
    );
    await held.close();
    await (await open(join(folder, 'j'))).close();
    expect(await readdir(join(folder, 'j'))).toEqual([]);
  });

  it('takes over from a process that has died, and from a later one with its number', async () => {
    const { pid } = process;
    const child = spawn(process.execPath, ['-e', '0']);
    await once(child, 'close');
    for (const holder of [child.pid, pid]) {
      const first = await open(join(folder, 'j'));
      await first.close();
      const lock = JSON.stringify({ pid: holder, started: '1', namespace: await namespace() });
      await writeFile(join(folder, 'j', 'lock'), lock);
      await (await open(join(folder, 'j'))).close();
    }
  });

  it('says what to do about a folder that it cannot make', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(open(join(folder, 'file', 'j'))).rejects.toThrow(
      /cannot be used.*journal\.dataDir/,
    );
  });
});

async function namespace(): Promise<string> {
  return readlink('/proc/self/ns/pid').catch(() => '');
}
