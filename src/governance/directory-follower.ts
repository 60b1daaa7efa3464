import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Log } from '../common/log.js';
import type { MonoMs } from '../common/time.js';
import { WeirConfig } from '../config/weir-config.js';
import type { Update } from './core/changes.js';
import { Directory } from './core/directory.js';
import { pauseBetweenPolls } from './core/poll-pause.js';
import { PolicyStore, type Written } from './policy-store.js';

/**
 * Keeps the directory at the state of the store: loads it at the start, then asks for changes at every
 * hint and, because hints get lost, at every interval. While the store is away the directory stays as
 * it was. One refresh runs at a time, however many ask for it.
 */
@Injectable()
export class DirectoryFollower implements OnModuleInit, OnModuleDestroy {
  /** To read; only the follower changes it. */
  readonly directory = new Directory();
  private running: Promise<void> = Promise.resolve();
  private waiting: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private refreshedAt: MonoMs | undefined;
  private isFailing = false;
  private readonly listeners: ((version: bigint) => void)[] = [];
  private unwatch: () => Promise<void> = async () => undefined;

  constructor(
    private readonly store: PolicyStore,
    private readonly clock: Clock,
    private readonly config: WeirConfig,
    private readonly log: Log,
  ) {}

  async onModuleInit(): Promise<void> {
    this.unwatch = await this.store.watch((version) => this.hint(version));
    await this.catchUp();
    this.schedule(0);
  }

  /** Ends the polling. Calls that are still in flight may catch up all the same. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.unwatch();
    await this.running;
  }

  /** The version of the store that the directory is known to have had. */
  get version(): bigint {
    return this.directory.version;
  }

  /** How old that knowledge is. Undefined: nothing was ever loaded. */
  lastRefreshAgeMs(): number | undefined {
    return this.refreshedAt === undefined ? undefined : this.clock.monoNow() - this.refreshedAt;
  }

  /**
   * Brings in everything that was committed before this call. Whoever asks while a refresh runs shares
   * the next one, since the running one may have looked too early.
   * @throws whatever the store throws; the directory is then as it was.
   */
  catchUp(): Promise<void> {
    this.waiting ??= this.running.then(() => {
      this.waiting = undefined;
      const refresh = this.refresh();
      this.running = refresh.catch(() => undefined);
      return refresh;
    });
    return this.waiting;
  }

  /** Says that the store may have this version by now; undefined: may have changed. */
  hint(version: bigint | undefined): void {
    if (this.stopped || (version !== undefined && version <= this.directory.version)) return;
    // Its failure is logged where it happens, and the next poll makes up for it.
    this.catchUp().catch(() => undefined);
  }

  /** Told of each version that the directory has come to. */
  onVersion(listener: (version: bigint) => void): void {
    this.listeners.push(listener);
  }

  /** Makes a write of this replica visible here before it is answered. */
  async follow(written: Written<unknown>): Promise<void> {
    await this.running;
    if (written.version <= this.directory.version) return;
    if (written.version === this.directory.version + 1n) {
      this.apply({ kind: 'changes', ...written });
      return;
    }
    // The write is committed, whether the directory can follow at once or not.
    await this.catchUp().catch(() => undefined);
  }

  private schedule(lastTookMs: number): void {
    if (this.stopped) return;
    const pauseMs = pauseBetweenPolls(this.config.governance.pollIntervalMs, lastTookMs);
    this.timer = setTimeout(() => void this.poll(), pauseMs);
  }

  private async poll(): Promise<void> {
    const startedAt = this.clock.monoNow();
    await this.catchUp().catch(() => undefined);
    this.schedule(this.clock.monoNow() - startedAt);
  }

  private async refresh(): Promise<void> {
    const startedAt = this.clock.monoNow();
    try {
      await this.bringIn();
      this.refreshedAt = startedAt;
      this.noteSuccess();
    } catch (error) {
      this.noteFailure(error);
      throw error;
    }
  }

  private async bringIn(): Promise<void> {
    const { version } = this.directory;
    const update =
      version < 0n ? await this.store.loadAll() : await this.store.changesSince(version);
    if (update.kind === 'changes' && update.version === this.directory.version) return;
    this.apply(update);
    const { kind, changes } = update;
    this.log.debug({ version: update.version.toString(), kind, count: changes.length }, 'policies');
  }

  private apply(update: Update): void {
    this.directory.apply(update);
    for (const listener of this.listeners) listener(update.version);
  }

  private noteSuccess(): void {
    if (this.isFailing) this.log.info({}, 'policies follow the store again');
    this.isFailing = false;
  }

  /** Once for a row of failures: the poll would repeat it every second. */
  private noteFailure(error: unknown): void {
    if (this.isFailing) return;
    this.isFailing = true;
    this.log.warn({ err: error }, 'cannot refresh policies; going on with the last ones known');
  }
}
