import { hostname } from 'node:os';
import { resolve } from 'node:path';
import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { COUNTS_FORMAT } from '../common/counts-format.js';
import { Log } from '../common/log.js';
import type { MonoMs } from '../common/time.js';
import { WeirConfig } from '../config/weir-config.js';
import { errorText } from '../storage/postgres-error.js';
import { within } from '../storage/within.js';
import { type CheckpointSlot, CheckpointStore } from './checkpoint-store.js';
import type { Checkpoint } from './core/checkpoint.js';
import { CounterEngine } from './counter-engine.js';

/** Rows of one write: about 2 ms of this process to make them, and 20 ms of the database to take them. */
const ROWS_PER_WRITE = 2_000;
const ROWS_PER_READ = 5_000;
const ROWS_PER_PRUNE = 2_000;
/** A round stops here and the next goes on, so that a flood of changes cannot keep one going for ever. */
const WRITES_PER_ROUND_MAX = 500;
/** How long a stop waits for a database that does not answer. */
const STOP_WAIT_MS = 5_000;

/** For metrics. */
export interface CheckpointState {
  /** Time since everything that had been counted by then was in the database. */
  readonly ageMs: number;
  /** Since the start: rows written, rounds that failed, rows taken up from an earlier process. */
  readonly rowsWritten: number;
  readonly failures: number;
  readonly rowsRestored: number;
}

/**
 * Writes what long windows have counted to the store every few seconds and at the stop, and takes up at the
 * start what the process before had counted (ADR 0040). While the store is away counting goes on; what
 * could not be written is kept and written later.
 *
 * A replica that counts alone goes on from its own slot. One that counts together takes up the slots of
 * all runs, each as what that run has counted, as if it had heard it from a peer.
 */
@Injectable()
export class CheckpointDriver
  implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown
{
  private slot: CheckpointSlot | undefined;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  /** Taken out of the engine, and not known to be written. */
  private unwritten: Checkpoint | undefined;
  private completeAt: MonoMs;
  private rowsWritten = 0;
  private failures = 0;
  private rowsRestored = 0;
  private isFailing = false;

  constructor(
    private readonly store: CheckpointStore,
    private readonly engine: CounterEngine,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly config: WeirConfig,
  ) {
    this.completeAt = clock.monoNow();
  }

  /** Before the servers listen. */
  async onModuleInit(): Promise<void> {
    const slot = await this.claim();
    const slots = slot.source === undefined ? [slot] : await this.store.others(slot);
    for (const each of slots) await this.takeUp(each);
    this.completeAt = this.clock.monoNow();
    if (this.rowsRestored > 0)
      this.log.info({ counters: this.rowsRestored }, 'took up what limits had counted');
    await this.sayWhatIsPassedOver(slot);
  }

  private async sayWhatIsPassedOver(slot: CheckpointSlot): Promise<void> {
    const runs = await this.store.strange(slot);
    if (runs === 0) return;
    const message =
      'what limits counted in earlier runs is passed over: it was saved in another format of counts, or under ' +
      'another key of fingerprints';
    this.log.warn({ runs, format: COUNTS_FORMAT }, message);
  }

  private async takeUp(slot: CheckpointSlot): Promise<void> {
    let after: string | undefined;
    do {
      const { checkpoint, next } = await this.store.load(slot, ROWS_PER_READ, after);
      this.rowsRestored += this.engine.restore(checkpoint, this.clock.wallNow()).restored;
      after = next;
    } while (after !== undefined);
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.start(), this.config.counters.checkpointIntervalMs);
    this.timer.unref();
  }

  /** The servers have closed, so nothing is counted any more; the database is still open. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    const slowly = 'the database did not answer in time';
    await within(this.finish(), STOP_WAIT_MS, slowly).catch((error: unknown) => {
      const unsavedMs = this.state().ageMs;
      const message = 'what limits have counted since the last checkpoint is not saved';
      this.log.warn({ error: errorText(error), unsavedMs }, message);
    });
  }

  state(): CheckpointState {
    const { rowsWritten, failures, rowsRestored } = this;
    return { ageMs: this.clock.monoNow() - this.completeAt, rowsWritten, failures, rowsRestored };
  }

  /** A round that takes longer than the interval is not overtaken by the next one. */
  private start(): void {
    this.running ??= this.runLogged().finally(() => {
      this.running = undefined;
    });
  }

  private async runLogged(): Promise<void> {
    try {
      await this.run();
      if (this.isFailing) this.log.info({}, 'checkpoints of limits are written again');
      this.isFailing = false;
    } catch (error) {
      this.failures += 1;
      if (!this.isFailing)
        this.log.warn({ error: errorText(error) }, 'cannot write checkpoints of limits; trying on');
      this.isFailing = true;
    }
  }

  /** One round: writes all that has changed, then deletes some of what is over. */
  async run(): Promise<void> {
    const startedAt = this.clock.monoNow();
    for (let write = 0; write < WRITES_PER_ROUND_MAX; write++) {
      if (!(await this.writeSome())) continue;
      this.completeAt = startedAt;
      break;
    }
    await this.store.prune(ROWS_PER_PRUNE);
  }

  /** Also without rows, which says that this process lives. Resolves to whether nothing is left. */
  private async writeSome(): Promise<boolean> {
    const slot = this.slot ?? (await this.claim());
    const isLeftOver = this.unwritten !== undefined;
    const checkpoint = (this.unwritten ??= this.engine.checkpoint(ROWS_PER_WRITE));
    const isHeld = await this.store.save(slot, checkpoint);
    this.unwritten = undefined;
    if (!isHeld) return this.beginAnew();
    this.rowsWritten += checkpoint.rows.length;
    return !isLeftOver && checkpoint.rows.length < ROWS_PER_WRITE;
  }

  /** This process was silent for so long that another took it for dead, and goes on from its rows. */
  private beginAnew(): false {
    this.log.warn({}, 'another replica has taken up what this one had counted; writing it anew');
    this.slot = undefined;
    this.engine.checkpointAnew(this.clock.wallNow());
    return false;
  }

  private async claim(): Promise<CheckpointSlot> {
    const { keyCheck, source } = this.engine.checkpoint(0);
    const name = source ? `${source.replicaId}:${source.bootId}` : nameOf(this.config);
    this.slot = await this.store.claim({ name, keyCheck, source });
    return this.slot;
  }

  private async finish(): Promise<void> {
    await this.running;
    await this.run();
    if (this.slot !== undefined) await this.store.release(this.slot);
  }
}

/**
 * The same for one replica from start to start, and for no two that live at the same time: a journal's
 * folder is locked by its replica, and an embedded database has one only.
 */
function nameOf({ storage, journal }: WeirConfig): string {
  const { url, host } = storage.postgres;
  if (url === undefined && host === undefined) return 'embedded';
  return `${hostname()}:${resolve(journal.dataDir)}`;
}
