/**
 * Runs inside the network that `cluster-soak.spec.ts` has made, between the machines: starts the replicas and
 * the callers, torments the replicas for as long as it is told, and prints what came of it as one line of
 * JSON. It asserts nothing: it reports.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { budgetOf, checkOf, declareKey, limitOf, LONG_WINDOW_MS, ofKey } from '../declare.js';
import { eventually } from '../eventually.js';
import { type ClusterPlace, ProcessCluster } from '../process-cluster.js';
import { Admissions, type WindowVerdict } from './admissions.js';
import type { CallerListener } from './caller.js';
import { CallerProcess } from './caller-process.js';
import { type ChaosReport, rowsOf } from './chaos-report.js';
import { convergenceMs } from './convergence.js';
import { FaultJournal } from './fault-journal.js';
import { MoneyAccount } from './money-account.js';
import { PeerProxy } from './peer-proxy.js';
import { Tormentor } from './tormentor.js';

export interface ChaosOrder extends ClusterPlace {
  /** Of the proxy, under which the replicas know each other. */
  readonly between: string;
  readonly seconds: number;
  readonly seed: number;
}

const CALLERS = 3;
const CALLS_PER_SECOND = 60;
const KEYS = Array.from({ length: 12 }, (_, n) => `chaos-${n}-key`);
/** Those that are asked for most and least, and some between. */
const PRICED = KEYS.filter((_, n) => n % 3 === 0);
const PROBE = 'probe-key';
const WINDOW_MS = 5_000;
const MAXIMUM = 40;
/** What a caller knows has come to us by then, and what was done to the cluster is written down. */
const JUDGE_AFTER_MS = 30_000;
/** The sync interval, and what a machine without a free core may keep a message waiting. */
const SYNC_MS = 50;
const MACHINE_MS = 250;
const ROUNDS = 40;
const IDLE_MS = 3_000;
const RECOVERY_MS = 60_000;

class ChaosRun implements CallerListener {
  private readonly loopDelay = monitorEventLoopDelay({ resolution: 10 });
  private readonly journal = new FaultJournal({
    wayMs: () => this.wayMs(),
    untoldNewsMs: Number.POSITIVE_INFINITY,
  });
  private readonly admissions = new Admissions(
    { maximum: MAXIMUM, windowMs: WINDOW_MS },
    this.journal,
  );
  private readonly verdicts: WindowVerdict[] = [];
  private readonly account = new MoneyAccount();
  private readonly calls = { admitted: 0, denied: 0, failed: 0 };
  private readonly proxy: PeerProxy;
  private readonly cluster: ProcessCluster;

  constructor(private readonly order: ChaosOrder) {
    const random = new SeededRandom(order.seed + 1);
    this.proxy = new PeerProxy(order.machines, order.between, random);
    this.cluster = new ProcessCluster(order);
  }

  admitted(admission: Parameters<CallerListener['admitted']>[0]): void {
    this.calls.admitted += 1;
    this.admissions.add(admission);
  }

  denied(): void {
    this.calls.denied += 1;
  }

  failed(): void {
    this.calls.failed += 1;
  }

  attempted(idempotencyKey: string, amountNanos: bigint): void {
    this.account.attempted.set(idempotencyKey, amountNanos);
  }

  acknowledged(idempotencyKey: string): void {
    this.account.acknowledged.add(idempotencyKey);
  }

  async run(): Promise<ChaosReport> {
    await this.proxy.listen();
    try {
      await this.begin();
      const { tormentor, underLoad } = await this.torment();
      const convergedMs: number[] = [];
      for (let n = 0; n < ROUNDS; n++) convergedMs.push(await this.converge());
      const idle = await this.bytesDuring(() => delay(IDLE_MS));
      return await this.report(tormentor, { convergedMs, underLoad, idle });
    } finally {
      await this.cluster.stop();
      await this.proxy.close();
    }
  }

  private async begin(): Promise<void> {
    for (const slot of this.cluster.slots) {
      this.journal.started(slot, Date.now());
      await this.cluster.start(slot);
    }
    await this.cluster.whole();
    const [first] = this.cluster.connections.values();
    if (first === undefined) throw new Error('there is no replica');
    for (const key of [...KEYS, PROBE]) await this.declare(first.governance, key);
    for (const { quota } of this.cluster.connections.values())
      for (const key of [...KEYS, PROBE])
        await eventually(
          `every replica knows the limit of ${key}`,
          async () => (await quota.checkLimit(checkOf(key, { dryRun: true }))).statuses.length > 0,
          RECOVERY_MS,
        );
    this.loopDelay.enable();
  }

  private async declare(
    governance: Parameters<typeof declareKey>[0]['governance'],
    key: string,
  ): Promise<void> {
    await declareKey({ governance }, key.replace(/-key$/, ''));
    const isProbe = key === PROBE;
    const windowMs = isProbe ? LONG_WINDOW_MS : WINDOW_MS;
    const limit = limitOf({
      id: `${key}-limit`,
      owner: ofKey(key),
      maximum: isProbe ? 1_000_000n : BigInt(MAXIMUM),
      window: { $case: 'duration', value: { seconds: BigInt(windowMs / 1_000), nanos: 0 } },
    });
    await governance.createLimit({ limit });
    if (!PRICED.includes(key)) return;
    const amountNanos = 1n << 60n;
    await governance.createBudget({ budget: budgetOf({ owner: ofKey(key), amountNanos }) });
  }

  private async torment() {
    const { cluster, proxy, journal, order } = this;
    const { machines, between } = order;
    const torments = { cluster, machines, proxy, between, journal };
    const tormentor = new Tormentor(torments, new SeededRandom(order.seed));
    const callers = Array.from({ length: CALLERS }, (_, n) => this.caller(n));
    const until = performance.now() + order.seconds * 1_000;
    const isOver = (): boolean => performance.now() > until;
    const judging = setInterval(() => this.judge(Date.now() - JUDGE_AFTER_MS), 5_000);
    try {
      const underLoad = await this.bytesDuring(async () => {
        // The first round is played to its end, so that everything has been done once.
        await tormentor.round(say, () => false);
        while (!isOver()) await tormentor.round(say, isOver);
        await delay(WINDOW_MS);
      });
      await Promise.all(callers.map((caller) => caller.stop()));
      return { tormentor, underLoad };
    } finally {
      clearInterval(judging);
      for (const caller of callers) caller.kill();
    }
  }

  private caller(n: number): CallerProcess {
    const order = {
      name: `caller-${n}`,
      replicas: this.cluster.addresses,
      keys: KEYS,
      pricedKeys: PRICED,
      callsPerSecond: CALLS_PER_SECOND,
      seed: this.order.seed + 10 + n,
    };
    return new CallerProcess(order, this);
  }

  private judge(beforeMs: number): void {
    this.verdicts.push(...this.admissions.judge(beforeMs));
  }

  private converge(): Promise<number> {
    return convergenceMs([...this.cluster.connections.values()], PROBE);
  }

  private async report(
    tormentor: Tormentor,
    measured: {
      readonly convergedMs: readonly number[];
      readonly underLoad: Traffic;
      readonly idle: Traffic;
    },
  ): Promise<ChaosReport> {
    const { convergedMs, underLoad, idle } = measured;
    this.judge(Number.POSITIVE_INFINITY);
    const [first] = this.cluster.connections.values();
    if (first === undefined) throw new Error('there is no replica');
    const money = await this.account.settled(first.ledger, PRICED);
    const { faults } = await first.ledger.auditBudgets({}, { deadlineMs: RECOVERY_MS });
    const rows = (isDisturbed: boolean) =>
      rowsOf(
        this.verdicts.filter((verdict) => verdict.isDisturbed === isDisturbed),
        MAXIMUM,
      );
    return {
      seed: this.order.seed,
      seconds: this.order.seconds,
      maximum: MAXIMUM,
      calls: this.calls,
      faults: tormentor.mendedMs,
      calm: rows(false),
      disturbed: rows(true),
      breaches: this.verdicts.filter((each) => each.admitted - MAXIMUM > each.allowedOver),
      money,
      audit: faults,
      convergedMs,
      bytesPerSecond: {
        streamsUnderLoad: underLoad.streams,
        gossipUnderLoad: underLoad.gossip,
        streamsIdle: idle.streams,
        gossipIdle: idle.gossip,
      },
    };
  }

  private async bytesDuring(work: () => Promise<unknown>): Promise<Traffic> {
    const before = { ...this.proxy.bytes };
    const startedAt = performance.now();
    await work();
    const seconds = (performance.now() - startedAt) / 1_000;
    const rate = (kind: keyof Traffic): number =>
      Math.round((this.proxy.bytes[kind] - before[kind]) / seconds);
    return { streams: rate('streams'), gossip: rate('gossip') };
  }

  /** The proxy is in this process: what keeps it keeps every message. */
  private wayMs(): number {
    return SYNC_MS + MACHINE_MS + this.loopDelay.max / 1_000_000;
  }
}

interface Traffic {
  readonly streams: number;
  readonly gossip: number;
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const [order = ''] = process.argv.slice(2);
const report = await new ChaosRun(JSON.parse(order) as ChaosOrder).run();
process.stdout.write(`${JSON.stringify(report)}\n`);
