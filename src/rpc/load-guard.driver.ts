import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { DomainError } from '../common/domain-error.js';
import { Log } from '../common/log.js';
import { monoMs } from '../common/time.js';
import { WeirConfig } from '../config/weir-config.js';
import { type CallKind, LoadGuard } from './core/load-guard.js';
import { LoadStats } from './load-stats.js';

/** Ten times finer than the lags that matter, and a hundred wake-ups a second cost nothing. */
const TICK_MS = 10;

/** Turns calls away before any work on them begins. It owns the timer that tells how late the loop is. */
@Injectable()
export class LoadGuardDriver implements OnApplicationBootstrap, OnModuleDestroy {
  readonly stats = new LoadStats();
  private readonly guard: LoadGuard;
  /** The refusal that was given last: in a flood it is given thousands of times, and each would cost a stack trace. */
  private refusal = overloaded(0);
  private readonly sheds: boolean;
  private timer: NodeJS.Timeout | undefined;
  private isOpen = false;

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    { overload }: WeirConfig,
  ) {
    this.sheds = overload.shed;
    this.guard = new LoadGuard(overload, clock.monoNow());
  }

  get isShedding(): boolean {
    return this.sheds && this.guard.isShedding;
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** From now on questions are answered: what others have counted is here. */
  open(): void {
    this.isOpen = true;
  }

  /**
   * Why a call is not worked on, if so: this replica is not ready, it is overloaded, or the caller waits no longer.
   * `deadline` is that of grpc-js: a time in milliseconds, a date, or infinity.
   */
  turnAway(method: string, kind: CallKind, deadline: Date | number): DomainError | undefined {
    if (!this.isOpen && kind === 'question') return this.tooEarly(method);
    if (this.sheds && this.guard.refuses(kind, this.clock.monoNow())) return this.shed(method);
    if (deadline === Number.POSITIVE_INFINITY || Number(deadline) > this.clock.wallNow())
      return undefined;
    this.stats.countTurnedAway(method, 'deadline');
    return new DomainError('DEADLINE_EXCEEDED', 'the deadline passed before work began');
  }

  /** Its port is open, since peers are told it: whoever comes back to it would be given a second allowance. */
  private tooEarly(method: string): DomainError {
    this.stats.countTurnedAway(method, 'starting');
    return new DomainError('UNAVAILABLE', 'this replica is not ready yet; ask another');
  }

  private shed(method: string): DomainError {
    this.stats.countTurnedAway(method, 'overload');
    const retryAfterMs = this.guard.retryAfterMs(this.clock.monoNow());
    if (this.refusal.details.retryAfterMs !== retryAfterMs) this.refusal = overloaded(retryAfterMs);
    return this.refusal;
  }

  private tick(): void {
    const now = this.clock.monoNow();
    const was = this.isShedding;
    const lagMs = this.guard.turned(now, monoMs(now + TICK_MS));
    this.stats.recordLag(lagMs);
    if (this.isShedding === was) return;
    if (was) this.log.info({}, 'no longer overloaded: all calls are taken again');
    else this.log.warn({ lagMs }, 'overloaded: calls are turned away');
  }
}

function overloaded(retryAfterMs: number): DomainError {
  const message = 'this replica is overloaded; ask again later, or ask another';
  return new DomainError('RESOURCE_EXHAUSTED', message, { retryAfterMs });
}
