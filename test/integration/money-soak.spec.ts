/**
 * Money under fire: callers hold, settle, release and give up while the service and its database are
 * killed at random. `npm run soak:money` takes ten minutes; it is by hand, since it wants the machine for
 * itself. A failure prints its seed and what is missing.
 */
import { readFile, chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { SeededRandom } from '../../src/common/seeded-random.js';
import { GovernanceServiceService } from '../../src/gen/weir/v1/governance_service.js';
import { type LedgerEntry, LedgerServiceService } from '../../src/gen/weir/v1/ledger_service.js';
import { Decision, QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { createClient, type GrpcClient } from '../../src/rpc/grpc-client.js';
import { budgetOf, checkOf, debitOf, ofKey } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { WeirProcess } from '../support/weir-process.js';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 0);
const SEED = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
const CALLERS = 8;
const KEY = 'soak-key';

interface Clients {
  readonly quota: GrpcClient<typeof QuotaServiceService>;
  readonly ledger: GrpcClient<typeof LedgerServiceService>;
  readonly governance: GrpcClient<typeof GovernanceServiceService>;
}

/** What callers know of their debits: what was answered, and what may or may not have been posted. */
class Account {
  readonly acknowledged = new Map<string, bigint>();
  readonly attempted = new Map<string, bigint>();
  holds = 0;
  released = 0;
}

/** The service and its database, which can be killed and come back on the same ports. */
class Victim {
  readonly kills = { service: 0, database: 0 };
  private process: WeirProcess | undefined;
  private isStopped = false;
  private lastWords = '';

  constructor(
    private readonly folder: string,
    private readonly ports: readonly [number, number],
  ) {}

  start(): void {
    const [grpc, http] = this.ports;
    const ports = ['--grpc-port', String(grpc), '--http-port', String(http)];
    const started = new WeirProcess(this.folder, ['serve', ...ports, '--set', 'log.level=error']);
    this.process = started;
    void started.end().then(() => this.restart(started));
  }

  /** What any supervisor does with a service that has ended, for whatever reason. */
  private async restart(ended: WeirProcess): Promise<void> {
    if (this.isStopped || this.process !== ended) return;
    this.lastWords = `${ended.out}${ended.err}`.slice(-1_000);
    await delay(200);
    if (!this.isStopped) this.start();
  }

  async killService(): Promise<void> {
    this.kills.service += 1;
    this.process?.kill('SIGKILL');
    await this.process?.end();
  }

  /** The service notices, and starts its database again. */
  async killDatabase(): Promise<void> {
    const pidFile = join(this.folder, '.weir/postgres/instance/data/postmaster.pid');
    const text = await readFile(pidFile, 'utf8').catch(() => '');
    const pid = Number(text.split('\n')[0]);
    if (!(pid > 1)) return;
    this.kills.database += 1;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It was gone already: the service is between two databases.
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.process?.kill('SIGTERM');
    await this.process?.end();
  }

  get words(): string {
    const { out = '', err = '' } = this.process ?? {};
    return `${this.lastWords}${out}${err}`.slice(-2_000);
  }
}

(SECONDS > 0 ? it : it.skip)(
  `loses and doubles nothing in ${SECONDS} s of kills (SOAK_SEED=${SEED})`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weir soak '));
    await chmod(folder, 0o755);
    const ports = [await freePort(), await freePort()] as const;
    const victim = new Victim(folder, ports);
    const clients = connect(`127.0.0.1:${ports[0]}`);
    const account = new Account();
    try {
      victim.start();
      await eventually(
        `the service answers; it says ${victim.words}`,
        () => declare(clients),
        60_000,
      );
      const until = performance.now() + SECONDS * 1_000;
      const callers = Array.from({ length: CALLERS }, (_, lane) =>
        call(clients, account, { lane, until, random: new SeededRandom(SEED + lane) }),
      );
      await torment(victim, until);
      await Promise.all(callers);
      await expectTruth(clients, account);
      process.stderr.write(`${summary(account, victim)}\n`);
      expect(victim.kills.service).toBeGreaterThan(0);
      expect(victim.kills.database).toBeGreaterThan(0);
    } finally {
      for (const client of Object.values(clients)) client.close();
      await victim.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
  (SECONDS + 180) * 1_000,
);

function connect(address: string): Clients {
  const options = { deadlineMs: 3_000 };
  return {
    quota: createClient(QuotaServiceService, 'weir.v1.QuotaService', address, options),
    ledger: createClient(LedgerServiceService, 'weir.v1.LedgerService', address, options),
    governance: createClient(
      GovernanceServiceService,
      'weir.v1.GovernanceService',
      address,
      options,
    ),
  };
}

async function declare({ governance }: Clients): Promise<boolean> {
  const virtualKey = {
    id: KEY,
    name: KEY,
    teamId: '',
    customerId: '',
    active: true,
    expiresAt: undefined,
    allowedProviders: undefined,
    allowedModels: undefined,
    secretHint: '',
    createdAt: undefined,
    updatedAt: undefined,
  };
  try {
    await governance.createVirtualKey({ virtualKey });
    await governance.createBudget({
      budget: budgetOf({ id: 'soak-budget', owner: ofKey(KEY), amountNanos: 1n << 60n }),
    });
    return true;
  } catch {
    return false;
  }
}

interface CallerPlan {
  readonly lane: number;
  readonly until: number;
  readonly random: SeededRandom;
}

/** One caller after the other in its lane: holds, then settles, releases, or gives up. */
async function call(clients: Clients, account: Account, plan: CallerPlan): Promise<void> {
  for (let n = 0; performance.now() < plan.until; n++) {
    const key = `call ${plan.lane}/${n}`;
    const amountNanos = BigInt(1 + plan.random.below(1_000));
    const held = await insist(plan, () =>
      clients.quota.checkLimit(
        checkOf(KEY, {
          reservationKey: key,
          amountNanos,
          reserveTtl: { seconds: 5n, nanos: 0 },
        }),
      ),
    );
    if (held?.decision !== Decision.DECISION_ALLOW) continue;
    account.holds += 1;
    if (plan.random.below(10) === 0) await giveUp(clients, account, key);
    else await settle(clients, account, plan, { key, amountNanos });
  }
}

async function giveUp({ quota }: Clients, account: Account, key: string): Promise<void> {
  const subject = { $case: 'virtualKeyId' as const, value: KEY };
  const reservation = { $case: 'reservationKey' as const, value: key };
  try {
    await quota.releaseReservation({ subject, reservation, refund: false });
    account.released += 1;
  } catch {
    // Then it ends by its time.
  }
}

async function settle(
  { quota }: Clients,
  account: Account,
  plan: CallerPlan,
  { key, amountNanos }: { readonly key: string; readonly amountNanos: bigint },
): Promise<void> {
  const actual = amountNanos + BigInt(plan.random.below(100));
  account.attempted.set(key, actual);
  const debit = debitOf(KEY, key, {
    amountNanos: actual,
    reservation: { $case: 'reservationKey', value: key },
  });
  const once = plan.random.below(10) === 0;
  const answer = once
    ? await quota.debitBudget(debit).catch(() => undefined)
    : await insist(plan, () => quota.debitBudget(debit));
  if (answer !== undefined) account.acknowledged.set(key, actual);
}

/** Asks until it is answered, as a caller with a retry policy does; gives up when time is over. */
async function insist<T>(plan: CallerPlan, ask: () => Promise<T>): Promise<T | undefined> {
  while (performance.now() < plan.until) {
    try {
      return await ask();
    } catch {
      await delay(20 + plan.random.below(80));
    }
  }
  return undefined;
}

async function torment(victim: Victim, until: number): Promise<void> {
  const random = new SeededRandom(SEED);
  for (;;) {
    const pauseMs = 4_000 + random.below(6_000);
    if (performance.now() + pauseMs > until) return;
    await delay(pauseMs);
    const isService = victim.kills.service <= victim.kills.database;
    await (isService ? victim.killService() : victim.killDatabase());
  }
}

/** Every acknowledged debit once, every other at most once, and books that add up. */
async function expectTruth({ ledger }: Clients, account: Account): Promise<void> {
  let posted = new Map<string, LedgerEntry[]>();
  await eventually(
    'every acknowledged debit is in the ledger',
    async () => {
      posted = await entriesByKey(ledger).catch(() => new Map<string, LedgerEntry[]>());
      return [...account.acknowledged.keys()].every((key) => posted.has(key));
    },
    60_000,
  );
  for (const [key, entries] of posted) {
    expect([key, entries.length]).toEqual([key, 1]);
    expect([key, entries[0]?.amountNanos]).toEqual([key, account.attempted.get(key)]);
  }
  await eventually(
    'no hold is left',
    async () => {
      const { periods } = await ledger.listPeriods({
        pageSize: 10,
        pageToken: '',
        budgetId: 'soak-budget',
      });
      return periods.every(({ heldNanos }) => heldNanos === 0n);
    },
    30_000,
  );
  expect((await ledger.auditBudgets({}, { deadlineMs: 30_000 })).faults).toEqual([]);
}

async function entriesByKey(ledger: Clients['ledger']): Promise<Map<string, LedgerEntry[]>> {
  const found = new Map<string, LedgerEntry[]>();
  let pageToken = '';
  do {
    const page = await ledger.listLedger({
      pageSize: 1_000,
      pageToken,
      owner: ofKey(KEY),
      budgetId: '',
      interval: undefined,
    });
    for (const entry of page.entries) {
      const key = entry.idempotencyKey;
      found.set(key, [...(found.get(key) ?? []), entry]);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return found;
}

const summary = (
  { holds, released, attempted, acknowledged }: Account,
  { kills }: Victim,
): string =>
  `soak: ${SECONDS} s, seed ${SEED}: service killed ${kills.service} times, database ${kills.database} times; ` +
  `${holds} holds, ${released} released, ${attempted.size} debits sent, ${acknowledged.size} acknowledged`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
