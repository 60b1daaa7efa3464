import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import {
  type CheckLimitResponse,
  Decision,
  QuotaServiceService,
} from '../../../src/gen/weir/v1/quota_service.js';
import { createClient, type GrpcClient } from '../../../src/rpc/grpc-client.js';
import { fromDuration } from '../../../src/rpc/proto-time.js';
import { checkOf, debitOf } from '../declare.js';
import type { Admission } from './admissions.js';

export interface CallerOrder {
  /** Its keys of reservations and debits begin with it. */
  readonly name: string;
  /** gRPC addresses, by name of the replica. */
  readonly replicas: Readonly<Record<string, string>>;
  /** Virtual keys, the one that is asked for most first; each has a limit called `KEY-limit`. */
  readonly keys: readonly string[];
  /** Those of them that have a budget: what a call costs is held, then debited. */
  readonly pricedKeys: readonly string[];
  readonly callsPerSecond: number;
  readonly seed: number;
}

/** What a caller knows of its calls, as it comes to know it. */
export interface CallerListener {
  admitted(admission: Admission): void;
  denied(): void;
  /** Not answered, or turned away. */
  failed(): void;
  attempted(idempotencyKey: string, amountNanos: bigint): void;
  acknowledged(idempotencyKey: string): void;
}

const CALL_MAX_MS = 1_000;
const DEBIT_MAX_MS = 3_000;
/** A call that is not settled gives back by itself what it held. */
const HOLD = { seconds: 5n, nanos: 0 };
/** One debit of so many is sent once, whatever becomes of it; as many holds are never settled. */
const CARELESS = 10;
const AMOUNT_MAX = 1_000;

/**
 * A gateway: calls at a steady pace, each on a replica by lot, for a key by lot that favours the first ones
 * (Zipf). Debits that are not acknowledged it sends again, to another replica, until it is told to stop.
 */
export class Caller {
  private readonly quotas: readonly (readonly [string, GrpcClient<typeof QuotaServiceService>])[];
  private readonly random: SeededRandom;
  private readonly shares: readonly number[];
  private isOver = false;
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly order: CallerOrder,
    private readonly listener: CallerListener,
  ) {
    this.random = new SeededRandom(order.seed);
    this.quotas = Object.entries(order.replicas).map(([slot, address]) => [
      slot,
      createClient(QuotaServiceService, 'weir.v1.QuotaService', address),
    ]);
    this.shares = zipf(order.keys.length);
  }

  start(): void {
    this.work = this.run();
  }

  /** Begins nothing new, and waits for what is under way. */
  async stop(): Promise<void> {
    this.isOver = true;
    await this.work;
    for (const [, quota] of this.quotas) quota.close();
  }

  private async run(): Promise<void> {
    const startedAt = performance.now();
    const calls = new Set<Promise<void>>();
    for (let sent = 0; !this.isOver;) {
      const due = ((performance.now() - startedAt) / 1_000) * this.order.callsPerSecond;
      for (; sent < due && !this.isOver; sent++) {
        const call: Promise<void> = this.call(sent).finally(() => calls.delete(call));
        calls.add(call);
      }
      await delay(5);
    }
    await Promise.all(calls);
  }

  private async call(n: number): Promise<void> {
    const key = this.key();
    const isPriced = this.order.pricedKeys.includes(key);
    const reservationKey = `${this.order.name}/${n}`;
    const amountNanos = BigInt(1 + this.random.below(AMOUNT_MAX));
    const hold = isPriced ? { reservationKey, amountNanos, reserveTtl: HOLD } : {};
    const [slot, quota] = this.replica();
    const sentMs = Date.now();
    try {
      const answer = await quota.checkLimit(checkOf(key, hold), { deadlineMs: CALL_MAX_MS });
      if (answer.decision !== Decision.DECISION_ALLOW) return this.listener.denied();
      this.listener.admitted(admissionOf(answer, { key, slot, sentMs }));
    } catch {
      return this.listener.failed();
    }
    if (isPriced && this.random.below(CARELESS) > 0) await this.settle(key, reservationKey);
    return undefined;
  }

  private async settle(keyId: string, key: string): Promise<void> {
    const amountNanos = BigInt(1 + this.random.below(AMOUNT_MAX));
    const reservation = { $case: 'reservationKey' as const, value: key };
    const debit = debitOf(keyId, key, { amountNanos, reservation });
    const isOnce = this.random.below(CARELESS) === 0;
    this.listener.attempted(key, amountNanos);
    for (;;) {
      const [, quota] = this.replica();
      try {
        await quota.debitBudget(debit, { deadlineMs: DEBIT_MAX_MS });
        return this.listener.acknowledged(key);
      } catch {
        if (isOnce || this.isOver) return undefined;
        await delay(20 + this.random.below(80));
      }
    }
  }

  private key(): string {
    const lot = this.random.fraction();
    const found = this.shares.findIndex((upTo) => lot < upTo);
    return this.order.keys[found] ?? this.order.keys[0] ?? '';
  }

  private replica(): Caller['quotas'][number] {
    const found = this.quotas[this.random.below(this.quotas.length)];
    if (found === undefined) throw new Error('a caller needs a replica to call');
    return found;
  }
}

function admissionOf(
  { statuses, freshness }: CheckLimitResponse,
  { key, slot, sentMs }: { readonly key: string; readonly slot: string; readonly sentMs: number },
): Admission {
  const status = statuses.find(({ policyId }) => policyId === `${key}-limit`);
  const windowStartMs = Number(status?.interval?.start?.seconds ?? Number.NaN) * 1_000;
  const newsMs = freshness && fromDuration(freshness);
  return { limit: key, windowStartMs, slot, sentMs, answeredMs: Date.now(), newsMs };
}

/** The share of the first, of the first two, and so on, if the n-th is asked for 1/n as often as the first. */
function zipf(count: number): readonly number[] {
  const weights = Array.from({ length: count }, (_, n) => 1 / (n + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let upTo = 0;
  return weights.map((weight) => (upTo += weight / total));
}
