import type { BudgetLedger } from '../../src/budgets/budget-ledger.js';
import { BudgetsService } from '../../src/budgets/budgets.service.js';
import { DebitJournal } from '../../src/budgets/journal/debit-journal.js';
import { JournalDriver } from '../../src/budgets/journal/journal.driver.js';
import { JournalPorts } from '../../src/budgets/journal/journal-ports.js';
import { MemoryDeadLetters } from '../../src/budgets/journal/memory-dead-letters.js';
import { MemoryJournalFolder } from '../../src/budgets/journal/memory-journal-folder.js';
import { MemoryBudgetLedger } from '../../src/budgets/memory-budget-ledger.js';
import type { MembershipService } from '../../src/cluster/membership.service.js';
import type { PeerTransport } from '../../src/cluster/peer-transport.js';
import type { Replica } from '../../src/cluster/replica.js';
import { ReplicaIdentity } from '../../src/cluster/replica-identity.js';
import type { ReplicationDriver } from '../../src/cluster/replication.driver.js';
import { ReservationPeers } from '../../src/cluster/reservation-peers.js';
import { silentLog } from '../../src/common/log.js';
import { SeededRandom } from '../../src/common/seeded-random.js';
import { wallMs } from '../../src/common/time.js';
import { WeirConfig } from '../../src/config/weir-config.js';
import { LocalCounterEngine } from '../../src/counters/local-counter-engine.js';
import type { Change } from '../../src/governance/core/changes.js';
import type { Budget, Limit, VirtualKey } from '../../src/governance/core/model.js';
import { DirectoryFollower } from '../../src/governance/directory-follower.js';
import { GovernanceService } from '../../src/governance/governance.service.js';
import { MemoryPolicyStore } from '../../src/governance/memory-policy-store.js';
import { BudgetChecks } from '../../src/quota/budget-checks.js';
import { CallAdmission } from '../../src/quota/call-admission.js';
import { CheckLimitService } from '../../src/quota/check-limit.service.js';
import type { CheckCall, DebitCall } from '../../src/quota/core/calls.js';
import { DebitBudgetService } from '../../src/quota/debit-budget.service.js';
import { Estimates } from '../../src/quota/estimates.js';
import { ContendedWait } from '../../src/quota/contended-wait.js';
import { LimitChecks } from '../../src/quota/limit-checks.js';
import { LimitReservations } from '../../src/quota/limit-reservations.js';
import { LimitTakes } from '../../src/quota/limit-takes.js';
import { MatchedPolicies } from '../../src/quota/matched-policies.js';
import { QuotaPorts } from '../../src/quota/quota-ports.js';
import { ReservationsService } from '../../src/quota/reservations.service.js';
import { RoamingReservations } from '../../src/quota/roaming-reservations.js';
import type { ManualClock } from './manual-clock.js';

/** Of a scene in which replicas can reach each other; what is left out is as if it was alone. */
interface Surroundings {
  readonly transport: PeerTransport;
  readonly replicas: () => readonly Replica[];
  /** Which it shares with others. */
  readonly ledger?: BudgetLedger;
}

const KEY_ID = 'key';
const TIMES = { createdAt: wallMs(0), updatedAt: wallMs(0) };

/** Everything that decides calls of one key by its limits, in memory, by the clock of a test. */
export class LimitScene {
  readonly replica = ReplicaIdentity.of(new WeirConfig());
  readonly counters: LocalCounterEngine;
  readonly checks: CheckLimitService;
  readonly debits: DebitBudgetService;
  readonly reservations: ReservationsService;
  readonly own: LimitReservations;
  readonly roaming: RoamingReservations;
  readonly stats: () => ReturnType<LimitReservations['stats']>;
  private readonly follower: DirectoryFollower;
  private readonly journal: JournalDriver;
  private readonly budgets: BudgetsService;
  private version = 0n;

  constructor(
    clock: ManualClock,
    { transport, replicas, ledger = new MemoryBudgetLedger(clock) }: Surroundings,
  ) {
    const config = new WeirConfig();
    this.follower = new DirectoryFollower(new MemoryPolicyStore(), clock, config, silentLog);
    const governance = new GovernanceService(this.follower, clock);
    const policies = new MatchedPolicies(ReplicaIdentity.of(config));
    // There is nobody to tell of a hold, and no other part of it is called.
    const alone = {
      freshnessMs: () => undefined,
      changeHold: () => Promise.resolve(false),
      refuseHoldChanges: () => undefined,
    } as unknown as ReplicationDriver;
    // Only its members are asked for.
    const membership = { replicas } as unknown as MembershipService;
    const ports = new QuotaPorts(clock, new SeededRandom(1), policies, alone);
    this.counters = new LocalCounterEngine(config.counters);
    const takes = new LimitTakes(governance, this.counters, this.replica, alone);
    const own = new LimitReservations(takes, ports, this.replica, config);
    const peers = new ReservationPeers(membership, transport, this.replica);
    const roaming = new RoamingReservations(own, peers, this.replica, config);
    this.own = own;
    this.roaming = roaming;
    const folder = new DebitJournal(new MemoryJournalFolder(), clock, silentLog, config);
    const journalPorts = new JournalPorts(clock, silentLog);
    const deadLetters = new MemoryDeadLetters(clock);
    this.journal = new JournalDriver(folder, ledger, deadLetters, journalPorts, config);
    this.budgets = new BudgetsService(ledger, this.journal, config);
    const estimates = new Estimates(governance);
    const admission = new CallAdmission(governance, policies, config);
    const limits = new LimitChecks(this.counters, takes, own, new ContendedWait(config));
    const budgetChecks = new BudgetChecks(this.budgets, ports);
    this.checks = new CheckLimitService(admission, limits, budgetChecks, estimates, ports);
    this.debits = new DebitBudgetService(governance, this.budgets, takes, roaming, ports);
    this.reservations = new ReservationsService(governance, this.budgets, roaming);
    this.stats = () => own.stats();
    this.apply({ kind: 'virtual_key', id: KEY_ID, record: KEY });
  }

  async start(): Promise<this> {
    await this.journal.onModuleInit();
    await this.journal.onApplicationBootstrap();
    return this;
  }

  stop(): Promise<void> {
    return this.budgets.onApplicationShutdown();
  }

  declare(limit: Limit): void {
    this.apply({ kind: 'limit', id: limit.id, record: limit });
  }

  declareBudget(budget: Budget): void {
    this.apply({ kind: 'budget', id: budget.id, record: budget });
  }

  private apply(change: Change): void {
    const update = { kind: 'changes', version: ++this.version, changes: [change] } as const;
    this.follower.directory.apply(update);
  }
}

const KEY: VirtualKey = {
  id: KEY_ID,
  name: KEY_ID,
  teamId: undefined,
  customerId: undefined,
  active: true,
  expiresAt: undefined,
  allowedProviders: undefined,
  allowedModels: undefined,
  secretHint: '',
  secretHash: KEY_ID,
  ...TIMES,
};

export const SUBJECT = { kind: 'key', keyId: KEY_ID } as const;

export const limitRecord = (
  id: string,
  over: Partial<Limit> & Pick<Limit, 'algorithm' | 'maximum' | 'unit'>,
): Limit => ({
  id,
  name: id,
  owner: { kind: 'virtual_key', id: KEY_ID },
  groupBy: undefined,
  onUnavailable: 'deny',
  scope: 'global',
  match: { providers: [], models: [], labels: {} },
  shadow: false,
  generation: 1,
  ...TIMES,
  ...over,
});

const TARGET = { provider: 'p', model: 'm', labels: {} };

export const checkCall = (over: Partial<CheckCall> = {}): CheckCall => ({
  subject: SUBJECT,
  ...TARGET,
  requests: 1,
  amountNanos: 0n,
  dryRun: false,
  noHold: false,
  reservationKey: '',
  reserveTtlMs: undefined,
  inputTokens: 0n,
  maxOutputTokens: 0n,
  tokens: undefined,
  ...over,
});

export const debitCall = (idempotencyKey: string, over: Partial<DebitCall> = {}): DebitCall => ({
  subject: SUBJECT,
  ...TARGET,
  idempotencyKey,
  amountNanos: 0n,
  tokens: { input: 0n, cachedInput: 0n, output: 0n, reasoning: 0n },
  countLimits: false,
  reservation: undefined,
  ...over,
});
