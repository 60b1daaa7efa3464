/**
 * Money under fire: callers hold, settle, release and give up while the service and its database are
 * killed at random. `npm run soak:money` takes ten minutes and is by hand, `npm run soak:money:ci` takes one
 * and is a step of CI. How long things take is the machine's: a kill waits until callers were answered again
 * after the last one, and what has to come true has minutes to do so. A failure prints its seed, what is
 * missing, and the last words of the service.
 */
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { expect, it } from '@jest/globals';
import { removeFolder } from '../../src/common/remove-folder.js';
import { SeededRandom } from '../../src/common/seeded-random.js';
import { GovernanceServiceService } from '../../src/gen/weir/v1/governance_service.js';
import { type LedgerEntry, LedgerServiceService } from '../../src/gen/weir/v1/ledger_service.js';
import { Decision, QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { createClient, type GrpcClient, GrpcCallError } from '../../src/rpc/grpc-client.js';
import { budgetOf, checkOf, debitOf, ofKey } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { entriesByKey } from '../support/ledger-entries.js';
import { Victim } from '../support/victim.js';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 0);
const SEED = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
const CALLERS = 8;
/** Debits that are acknowledged between two kills, at least: then the last one has been overcome. */
const PROGRESS = 20;
const KILLS_MIN = 2;
const RECOVERY_MS = 240_000;
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
  /** Callers end what they have begun, and begin nothing new. */
  isOver = false;
}

(SECONDS > 0 ? it : it.skip)(
  `loses and doubles nothing in ${SECONDS} s of kills (SOAK_SEED=${SEED})`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weir soak '));
    await chmod(folder, 0o755);
    const victim = await Victim.in(folder);
    const clients = connect(victim.address);
    const account = new Account();
    try {
      victim.start();
      await eventually(
        `the service answers; it says ${victim.words}`,
        () => declare(clients),
        RECOVERY_MS,
      );
      const startedAt = performance.now();
      const callers = Array.from({ length: CALLERS }, (_, lane) =>
        call(clients, account, { lane, random: new SeededRandom(SEED + lane) }),
      );
      try {
        await torment(victim, account, startedAt + SECONDS * 1_000);
      } finally {
        account.isOver = true;
        await Promise.all(callers);
      }
      await expectTruth(clients, account);
      const seconds = Math.round((performance.now() - startedAt) / 1_000);
      process.stderr.write(`${summary(account, victim, seconds)}\n`);
    } finally {
      for (const client of Object.values(clients)) client.close();
      await victim.stop();
      await removeFolder(folder);
    }
  },
  (SECONDS + 900) * 1_000,
);

function connect(address: string): Clients {
  const options = { deadlineMs: 3_000 };
  const patient = { deadlineMs: 60_000 };
  return {
    quota: createClient(QuotaServiceService, 'weir.v1.QuotaService', address, options),
    ledger: createClient(LedgerServiceService, 'weir.v1.LedgerService', address, patient),
    governance: createClient(
      GovernanceServiceService,
      'weir.v1.GovernanceService',
      address,
      options,
    ),
  };
}

/** Each once: an answer that comes too late on a slow machine may have been a yes. */
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
  const budget = budgetOf({ id: 'soak-budget', owner: ofKey(KEY), amountNanos: 1n << 60n });
  return (
    (await isThere(governance.createVirtualKey({ virtualKey }))) &&
    (await isThere(governance.createBudget({ budget })))
  );
}

const isThere = (created: Promise<unknown>): Promise<boolean> =>
  created.then(
    () => true,
    (error: unknown) => error instanceof GrpcCallError && error.code === status.ALREADY_EXISTS,
  );

interface CallerPlan {
  readonly lane: number;
  readonly random: SeededRandom;
}

/** One caller after the other in its lane: holds, then settles, releases, or gives up. */
async function call(clients: Clients, account: Account, plan: CallerPlan): Promise<void> {
  for (let n = 0; !account.isOver; n++) {
    const key = `call ${plan.lane}/${n}`;
    const amountNanos = BigInt(1 + plan.random.below(1_000));
    const held = await insist(account, plan, () =>
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
    : await insist(account, plan, () => quota.debitBudget(debit));
  if (answer !== undefined) account.acknowledged.set(key, actual);
}

/** Asks until it is answered, as a caller with a retry policy does; gives up when all is over. */
async function insist<T>(
  account: Account,
  { random }: CallerPlan,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  while (!account.isOver) {
    try {
      return await ask();
    } catch {
      await delay(20 + random.below(80));
    }
  }
  return undefined;
}

/** Kills service and database in turn, until time is over and both have been killed often enough. */
async function torment(victim: Victim, account: Account, until: number): Promise<void> {
  const random = new SeededRandom(SEED);
  const { kills } = victim;
  const isEnough = (): boolean =>
    performance.now() > until && Math.min(kills.service, kills.database) >= KILLS_MIN;
  while (!isEnough()) {
    await delay(1_000 + random.below(6_000));
    await (kills.service <= kills.database ? victim.killService() : victim.killDatabase());
    const wanted = account.acknowledged.size + PROGRESS;
    await eventually(
      `callers are answered again after a kill; the service says ${victim.words}`,
      () => account.acknowledged.size >= wanted,
      RECOVERY_MS,
    );
  }
}

/** Every acknowledged debit once, every other at most once, and books that add up. */
async function expectTruth({ ledger }: Clients, account: Account): Promise<void> {
  let posted = new Map<string, LedgerEntry[]>();
  await eventually(
    'every acknowledged debit is in the ledger',
    async () => {
      posted = await entriesByKey(ledger, [KEY]).catch(() => new Map<string, LedgerEntry[]>());
      return [...account.acknowledged.keys()].every((key) => posted.has(key));
    },
    RECOVERY_MS,
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
      return periods.length > 0 && periods.every(({ heldNanos }) => heldNanos === 0n);
    },
    RECOVERY_MS,
  );
  expect((await ledger.auditBudgets({}, { deadlineMs: RECOVERY_MS })).faults).toEqual([]);
}

const summary = (
  { holds, released, attempted, acknowledged }: Account,
  { kills }: Victim,
  seconds: number,
): string =>
  `soak: ${seconds} s, seed ${SEED}: service killed ${kills.service} times, database ${kills.database} times; ` +
  `${holds} holds, ${released} released, ${attempted.size} debits sent, ${acknowledged.size} acknowledged`;
