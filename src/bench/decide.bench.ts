/**
 * A decision in process: from a parsed call to an answer, without gRPC. Each call comes from another
 * key, drawn at random, so that the key, its policies and its counter are the colder in the processor's
 * caches the more keys there are to draw from, while those of root, customer and team are hot, as they are behind
 * a gateway. All keys are in one directory, whichever of them are drawn.
 */
import { SeededRandom } from '../common/seeded-random.js';
import { silentLog } from '../common/log.js';
import { SystemRandom } from '../common/system-random.js';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import type { ReplicationDriver } from '../cluster/replication.driver.js';
import { SystemClock } from '../common/system-clock.js';
import { wallMs } from '../common/time.js';
import { WeirConfig } from '../config/weir-config.js';
import type { CounterEngine } from '../counters/counter-engine.js';
import { LocalCounterEngine } from '../counters/local-counter-engine.js';
import type { Change } from '../governance/core/changes.js';
import type { Limit, Owner, VirtualKey } from '../governance/core/model.js';
import { DirectoryFollower } from '../governance/directory-follower.js';
import { GovernanceService } from '../governance/governance.service.js';
import { MemoryPolicyStore } from '../governance/memory-policy-store.js';
import { BudgetChecks } from '../quota/budget-checks.js';
import { CallAdmission } from '../quota/call-admission.js';
import { CheckLimitService } from '../quota/check-limit.service.js';
import type { CheckCall } from '../quota/core/calls.js';
import { Estimates } from '../quota/estimates.js';
import { ContendedWait } from '../quota/contended-wait.js';
import { LimitChecks } from '../quota/limit-checks.js';
import { LimitReservations } from '../quota/limit-reservations.js';
import { LimitTakes } from '../quota/limit-takes.js';
import { MatchedPolicies } from '../quota/matched-policies.js';
import { QuotaPorts } from '../quota/quota-ports.js';
import type { BudgetsService } from '../budgets/budgets.service.js';
import { type Bench, type BenchResult, median, quantile, round } from './bench-result.js';
import { cpuNanos } from './counter-load.js';

/** Policies that match a call: hot ones on root, customer and team, and one on the key itself. */
const POLICIES = [1, 5, 20];
/** Decisions between two readings of the clock: the clock costs about as much as a look-up. */
const SLICE = 1_000;
const SLICES = 100;
/** Changes that are handed to the directory at once. */
const PIECE = 10_000;
const TIMES = { createdAt: wallMs(0), updatedAt: wallMs(0) };

export const decideBench: Bench = {
  name: 'decide',
  async run({ keys }, progress): Promise<BenchResult> {
    const rows = [];
    progress(`building a directory of ${keys} keys`);
    const checks = checkService(keys);
    progress(`calling once from each of ${keys} keys`);
    for (let key = 0; key < keys; key++) void checks.check(call(key, 1));
    for (const load of loadsOf(keys)) {
      progress(`${load.policies} policies: deciding`);
      const nanos = measure(checks, load);
      const micros = [0.5, 0.9, 0.99].map((q) => round(quantile(nanos, q) / 1_000, 3));
      rows.push([load.policies, load.keys.toLocaleString('en'), load.draw, ...micros]);
    }
    return {
      name: 'decide',
      title: `Decide in process, ${keys.toLocaleString('en')} live keys, each call from a random one`,
      columns: [
        'matching policies',
        'keys drawn from',
        'drawn',
        'median, us',
        'p90, us',
        'p99, us',
      ],
      rows,
      notes: [
        ...lookUpNotes(keys, progress),
        `CPU time of one decision, averaged over slices of ${SLICE}; quantiles are over ${SLICES} slices`,
        'one policy is on the key; the others are on root, customer and team, among 23 that apply to some model',
        'Zipf: the key of rank r is drawn with odds of 1 / r; ranks are scattered over the directory',
      ],
    };
  },
};

/** What of a decision is finding the key: names as fresh as those of messages, of keys as cold as above. */
function lookUpNotes(keys: number, progress: (line: string) => void): readonly string[] {
  return [1_000, keys].map((size) => {
    progress(`looking up names of ${size} keys`);
    const known = new Map(Array.from({ length: size }, (_, i) => [`key-${i}`, { i }]));
    const random = new SeededRandom(1);
    const slice = (): number => {
      const names = Array.from({ length: SLICE }, () => `key-${random.below(size)}`);
      const startedAt = cpuNanos();
      for (const name of names) if (!known.has(name)) throw new Error(`${name} is not there`);
      return (cpuNanos() - startedAt) / SLICE;
    };
    const micros = round(median(warmed(slice)) / 1_000, 3);
    return `one look-up in a Map of ${size.toLocaleString('en')} such names, and nothing else: ${micros} us`;
  });
}

/** Of each slice, without those before the code is warm. */
const warmed = (slice: () => number): readonly number[] =>
  Array.from({ length: SLICES * 1.5 }, slice).slice(SLICES / 2);

interface Load {
  readonly policies: number;
  readonly keys: number;
  readonly draw: 'evenly' | 'Zipf';
}

function loadsOf(keys: number): readonly Load[] {
  const fewer = [1_000, 100_000].filter((some) => some < keys);
  return [
    ...fewer.map((some): Load => ({ policies: 5, keys: some, draw: 'evenly' })),
    ...POLICIES.map((policies): Load => ({ policies, keys, draw: 'evenly' })),
    { policies: 5, keys, draw: 'Zipf' },
  ];
}

function measure(checks: CheckLimitService, { policies, keys, draw }: Load): readonly number[] {
  const random = new SeededRandom(1);
  const calls = Array.from({ length: SLICE }, () => call(0, policies));
  const slice = (): number => {
    for (let i = 0; i < SLICE; i++) {
      const key = draw === 'Zipf' ? zipf(random, keys) : random.below(keys);
      calls[i] = call(key, policies);
    }
    const startedAt = cpuNanos();
    for (const each of calls) void checks.check(each);
    return (cpuNanos() - startedAt) / SLICE;
  };
  const nanos = warmed(slice);
  if (!(median(nanos) > 0)) throw new Error('the clock did not move');
  return nanos;
}

/** Shares no factor with a number of keys that is a power of ten. */
const SCATTER = 7_919;

/** The inverse of the distribution, for an exponent of 1: its logarithm is even. */
function zipf(random: SeededRandom, keys: number): number {
  const rank = Math.floor(keys ** (random.below(2 ** 31) / 2 ** 31));
  return (rank * SCATTER) % keys;
}

/** The model says how many policies match. */
const modelOf = (policies: number): string => `model-with-${policies}`;

const call = (key: number, policies: number): CheckCall => ({
  subject: { kind: 'key', keyId: `key-${key}` },
  provider: 'openai',
  model: modelOf(policies),
  labels: {},
  requests: 1,
  amountNanos: 0n,
  dryRun: false,
  noHold: true,
  reservationKey: '',
  reserveTtlMs: undefined,
  inputTokens: 0n,
  maxOutputTokens: 0n,
  tokens: undefined,
});

function checkService(keys: number): CheckLimitService {
  const config = new WeirConfig();
  const clock = new SystemClock();
  const store = new MemoryPolicyStore();
  const follower = new DirectoryFollower(store, clock, config, silentLog);
  let version = 0n;
  for (const some of inPieces(changes(keys)))
    follower.directory.apply({ kind: 'changes', version: ++version, changes: some });
  const governance = new GovernanceService(follower, clock);
  const counters: CounterEngine = new LocalCounterEngine(config.counters);
  const replica = ReplicaIdentity.of(config);
  const policies = new MatchedPolicies(replica);
  const random = new SystemRandom();
  const ports = new QuotaPorts(clock, random, policies, ALONE);
  const takes = new LimitTakes(governance, counters, replica, ALONE);
  const reservations = new LimitReservations(takes, ports, replica, config);
  return new CheckLimitService(
    new CallAdmission(governance, policies, config),
    new LimitChecks(counters, takes, reservations, new ContendedWait(config)),
    new BudgetChecks(NO_BUDGETS, ports),
    new Estimates(governance),
    ports,
  );
}

/** So that what the directory does not keep is gone before the next piece is made. */
function* inPieces(all: Iterable<Change>): Iterable<readonly Change[]> {
  let piece: Change[] = [];
  for (const each of all) {
    piece.push(each);
    if (piece.length < PIECE) continue;
    yield piece;
    piece = [];
  }
  yield piece;
}

/** There are no peers, and nothing is held elsewhere: no more of it is called. */
const ALONE = { freshnessMs: () => undefined } as unknown as ReplicationDriver;

/** No budget matches, so none of it is called. */
const NO_BUDGETS = {} as unknown as BudgetsService;

function* changes(keys: number): Iterable<Change> {
  const customer = { id: 'customer', name: 'customer', ...TIMES };
  yield { kind: 'customer', id: customer.id, record: customer };
  const team = { id: 'team', name: 'team', customerId: customer.id, ...TIMES };
  yield { kind: 'team', id: team.id, record: team };
  const hot: readonly Owner[] = [
    { kind: 'root', id: '' },
    { kind: 'customer', id: customer.id },
    { kind: 'team', id: team.id },
  ];
  for (const policies of POLICIES)
    for (let i = 0; i < policies - 1; i++) {
      const owner = hot[i % hot.length] ?? { kind: 'root', id: '' };
      const match = { ...EVERY_CALL, models: [modelOf(policies)] };
      const record = { ...limit(`hot-${policies}-${i}`, owner), match };
      yield { kind: 'limit', id: record.id, record };
    }
  for (let i = 0; i < keys; i++) {
    const key = virtualKey(`key-${i}`, team.id);
    yield { kind: 'virtual_key', id: key.id, record: key };
    const cold = limit(`cold-${i}`, { kind: 'virtual_key', id: key.id });
    yield { kind: 'limit', id: cold.id, record: cold };
  }
}

const virtualKey = (id: string, teamId: string): VirtualKey => ({
  id,
  name: id,
  teamId,
  customerId: 'customer',
  active: true,
  expiresAt: undefined,
  allowedProviders: undefined,
  allowedModels: undefined,
  secretHint: '',
  secretHash: id,
  ...TIMES,
});

const WINDOW = { kind: 'duration', durationMs: 60_000, anchorMs: 0 } as const;
const EVERY_CALL = { providers: [], models: [], labels: {} };

const limit = (id: string, owner: Owner): Limit => ({
  id,
  name: id,
  owner,
  unit: 'requests',
  maximum: Number.MAX_SAFE_INTEGER,
  algorithm: { kind: 'sliding_window', window: WINDOW },
  groupBy: undefined,
  onUnavailable: 'deny',
  scope: 'global',
  match: EVERY_CALL,
  shadow: false,
  generation: 1,
  ...TIMES,
});
