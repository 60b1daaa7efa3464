import { afterEach, describe, expect, it } from '@jest/globals';
import {
  debitNumber,
  itemOf,
  journalConfig,
  PERIOD,
} from '../../../test/support/journaled-debits.js';
import { eventually } from '../../../test/support/eventually.js';
import { RecordingLog } from '../../../test/support/recording-log.js';
import { DomainError } from '../../common/domain-error.js';
import { SystemClock } from '../../common/system-clock.js';
import type { JournalConfig } from '../../config/journal-config.js';
import type { DueHold } from '../budget-ledger.js';
import { BudgetsService } from '../budgets.service.js';
import { INT64_MAX } from '../core/int64.js';
import type { LedgerAnswer, LedgerItem } from '../core/ledger-item.js';
import type { Debit } from '../core/ledger-model.js';
import { MemoryBudgetLedger } from '../memory-budget-ledger.js';
import { DebitJournal } from './debit-journal.js';
import { JournalPorts } from './journal-ports.js';
import { JournalDriver } from './journal.driver.js';
import { MemoryDeadLetters } from './memory-dead-letters.js';
import { MemoryJournalFolder } from './memory-journal-folder.js';

/** A ledger that can be away, also for one debit only, silent, or choke on a record. */
class MoodyLedger extends MemoryBudgetLedger {
  mood: 'well' | 'away' | 'silent' | 'lost answer' = 'well';
  chokesOn = '';
  awayFor = '';

  override async decide(items: readonly LedgerItem[]): Promise<readonly LedgerAnswer[]> {
    await this.be();
    const has = (id: string): boolean =>
      items.some((item) => item.kind === 'debit' && item.debit.id === id);
    if (has(this.awayFor)) throw new DomainError('UNAVAILABLE', 'just gone');
    if (has(this.chokesOn))
      throw Object.assign(new Error('invalid byte sequence'), { code: '22021' });
    const answers = await super.decide(items);
    if (this.mood === 'lost answer') throw new DomainError('UNAVAILABLE', 'cut off');
    return answers;
  }

  override async dueHolds(most: number): Promise<readonly DueHold[]> {
    await this.be();
    return super.dueHolds(most);
  }

  keys(): readonly string[] {
    return this.machine.allEntries().map(({ debit }) => debit?.idempotencyKey ?? '');
  }

  private async be(): Promise<void> {
    if (this.mood === 'away') throw new DomainError('UNAVAILABLE', 'nobody is there');
    if (this.mood === 'silent') await eventually('spoken to again', () => this.mood !== 'silent');
  }
}

const clock = new SystemClock();

class Scene {
  readonly folder = new MemoryJournalFolder();
  readonly ledger = new MoodyLedger(clock);
  readonly deadLetters = new MemoryDeadLetters(clock);
  readonly log = new RecordingLog();
  driver: JournalDriver;
  budgets: BudgetsService;

  constructor(private readonly changes: Partial<JournalConfig> = {}) {
    [this.driver, this.budgets] = this.make();
  }

  /** On what an earlier start has left. */
  async start(): Promise<this> {
    this.folder.revive();
    [this.driver, this.budgets] = this.make();
    await this.driver.onModuleInit();
    await this.driver.onApplicationBootstrap();
    running.push(this);
    return this;
  }

  private make(): [JournalDriver, BudgetsService] {
    const config = journalConfig(this.changes);
    const journal = new DebitJournal(this.folder, clock, this.log, config);
    const ports = new JournalPorts(clock, this.log);
    const driver = new JournalDriver(journal, this.ledger, this.deadLetters, ports, config);
    return [driver, new BudgetsService(this.ledger, driver, config)];
  }

  stop(): Promise<void> {
    return this.budgets.onApplicationShutdown();
  }

  inTheClear(): Promise<void> {
    return eventually('the journal is replayed', () => this.driver.isClear);
  }
}

const debitAll = (budgets: BudgetsService, debits: readonly Debit[]) =>
  Promise.all(debits.map((debit) => budgets.debit(itemOf(debit))));

const running: Scene[] = [];

afterEach(async () => {
  for (const scene of running.splice(0)) {
    if (scene.ledger.mood === 'silent') scene.ledger.mood = 'well';
    await scene.stop();
  }
});

describe('JournalDriver', () => {
  it('stays out of the way while the ledger is there', async () => {
    const { budgets, driver, folder } = await new Scene().start();
    expect(driver.isClear).toBe(true);
    expect(await budgets.debit(itemOf(debitNumber(1)))).toMatchObject({ kind: 'posted' });
    expect(await budgets.debit(itemOf(debitNumber(1)))).toMatchObject({
      kind: 'posted',
      isReplayed: true,
    });
    expect(await budgets.debit(itemOf(debitNumber(1, { bodyHash: 'cd' })))).toEqual({
      kind: 'conflict',
    });
    expect(folder.files.size).toBe(0);
  });

  it('journals while the ledger is away, and replays in order, each once', async () => {
    const scene = await new Scene().start();
    const { budgets, driver, ledger } = scene;
    ledger.mood = 'away';
    const debits = Array.from({ length: 30 }, (_, i) => debitNumber(i + 1));
    const answers = await debitAll(budgets, debits);
    expect(answers[4]).toEqual({
      kind: 'journaled',
      isReplayed: false,
      facts: { id: 'debit_5', amountNanos: 5n, priceId: '', priceRevision: 0 },
    });
    expect(driver.state()).toMatchObject({ records: 30, isFull: false, isReplaying: false });
    expect(await budgets.debit(itemOf(debitNumber(5, { id: 'x' })))).toMatchObject({
      kind: 'journaled',
      isReplayed: true,
      facts: { id: 'debit_5' },
    });
    expect(await budgets.debit(itemOf(debitNumber(5, { bodyHash: 'cd' })))).toEqual({
      kind: 'conflict',
    });
    ledger.mood = 'well';
    await scene.inTheClear();
    expect(ledger.keys()).toEqual(debits.map((debit) => debit.idempotencyKey));
    expect(await budgets.debit(itemOf(debitNumber(31)))).toMatchObject({ kind: 'posted' });
    expect(driver.state()).toMatchObject({ records: 0, bytes: 0, deadLetters: 0 });
  });

  it('journals of debits that came together those that the ledger did not take', async () => {
    const scene = await new Scene().start();
    scene.ledger.awayFor = 'debit_1001';
    const debits = Array.from({ length: 1_002 }, (_, i) => debitNumber(i + 1));
    const outcomes = await scene.budgets.debitAll(debits.map(itemOf));
    const kinds = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value.kind : String(outcome.reason),
    );
    expect(kinds.slice(0, 1_000).filter((kind) => kind !== 'posted')).toEqual([]);
    expect(kinds.slice(1_000)).toEqual(['journaled', 'journaled']);
    expect(scene.driver.state().records).toBe(2);
    scene.ledger.awayFor = '';
    await scene.inTheClear();
    expect(scene.ledger.keys()).toEqual(debits.map((debit) => debit.idempotencyKey));
  });

  it('shares a sync among callers', async () => {
    const { budgets, folder, ledger } = await new Scene().start();
    ledger.mood = 'away';
    await budgets.debit(itemOf(debitNumber(1)));
    const { syncs } = folder;
    await debitAll(
      budgets,
      Array.from({ length: 500 }, (_, i) => debitNumber(i + 2)),
    );
    expect(folder.syncs - syncs).toBeLessThanOrEqual(2);
  });

  it('posts once what the ledger had taken before its answer was lost', async () => {
    const scene = await new Scene().start();
    scene.ledger.mood = 'lost answer';
    const item = { ...itemOf(debitNumber(1)), watched: [] };
    expect(await scene.budgets.debit(item)).toMatchObject({ kind: 'journaled' });
    scene.ledger.mood = 'well';
    await scene.inTheClear();
    expect(scene.ledger.keys()).toEqual(['call-1']);
  });

  it('does not wait for a silent ledger longer than it is told', async () => {
    const scene = await new Scene({ ledgerMaxWaitMs: 50 }).start();
    scene.ledger.mood = 'silent';
    const answers = await debitAll(scene.budgets, [debitNumber(1), debitNumber(2)]);
    expect(answers.map(({ kind }) => kind)).toEqual(['journaled', 'journaled']);
    scene.ledger.mood = 'well';
    await scene.inTheClear();
    expect([...scene.ledger.keys()].sort()).toEqual(['call-1', 'call-2']);
  });

  it('comes into the clear under a load that never pauses, and keeps the order', async () => {
    const scene = await new Scene().start();
    scene.ledger.mood = 'away';
    const load = { sent: 0, isOver: false, journaled: 0 };
    const caller = async (): Promise<void> => {
      while (!load.isOver) {
        const answer = await scene.budgets.debit(itemOf(debitNumber(++load.sent)));
        if (answer.kind === 'journaled') load.journaled++;
      }
    };
    const callers = Promise.all(Array.from({ length: 20 }, caller));
    await eventually('a backlog', () => load.journaled > 500);
    scene.ledger.mood = 'well';
    await scene.inTheClear();
    const { journaled } = load;
    await eventually('debits go directly', () => load.sent > journaled + 200);
    load.isOver = true;
    await callers;
    const keys = scene.ledger.keys();
    expect(keys).toEqual(Array.from({ length: load.sent }, (_, i) => `call-${i + 1}`));
  });

  it('finds what an earlier process left, before holds may be swept', async () => {
    const scene = await new Scene().start();
    scene.ledger.mood = 'away';
    await debitAll(scene.budgets, [debitNumber(1), debitNumber(2)]);
    await scene.stop();
    await scene.start();
    expect(scene.driver.isClear).toBe(false);
    expect(scene.driver.state().records).toBe(2);
    scene.ledger.mood = 'well';
    await scene.inTheClear();
    expect(scene.ledger.keys()).toEqual(['call-1', 'call-2']);
  });

  it('puts what the ledger never takes among the dead letters, and goes on', async () => {
    const scene = await new Scene().start();
    const { budgets, ledger, deadLetters } = scene;
    await budgets.debit(itemOf(debitNumber(1)));
    ledger.mood = 'away';
    ledger.chokesOn = 'debit_4';
    await debitAll(budgets, [
      debitNumber(2),
      debitNumber(1, { id: 'other', bodyHash: 'cd' }),
      debitNumber(3, { amountNanos: INT64_MAX }),
      debitNumber(4),
      debitNumber(5),
    ]);
    ledger.mood = 'well';
    await scene.inTheClear();
    expect(ledger.keys()).toEqual(['call-1', 'call-2', 'call-5']);
    const { letters } = await deadLetters.list(10, undefined);
    const reasons = new Map(letters.map(({ id, reason }) => [id, reason]));
    expect(reasons).toEqual(
      new Map([
        ['other', 'conflict'],
        ['debit_3', 'out_of_range'],
        ['debit_4', 'invalid byte sequence'],
      ]),
    );
    expect(scene.driver.state().deadLetters).toBe(3);
  });

  it('posts without its reservation a debit whose reservation was never made', async () => {
    const scene = await new Scene().start();
    scene.ledger.mood = 'away';
    const reservation = { kind: 'key', key: 'never held' } as const;
    await scene.budgets.debit({ ...itemOf(debitNumber(7)), reservation });
    scene.ledger.mood = 'well';
    await scene.inTheClear();
    const [balance] = await scene.ledger.readLevels([PERIOD]);
    expect(balance?.postedNanos).toBe(7n);
    expect(await scene.deadLetters.count()).toBe(0);
  });

  it('settles a hold that was made before the outage', async () => {
    const scene = await new Scene().start();
    await scene.ledger.decide([
      {
        kind: 'hold',
        reservationKey: 'r',
        floorNanos: 0n,
        onExpiry: 'release',
        ttlMs: 1_000_000,
        budgets: [{ key: PERIOD, limitNanos: 100n, isEnforced: true, thresholdPercents: [] }],
        takes: 'what limits took',
        ...debitNumber(40),
      },
    ]);
    const settled: string[] = [];
    scene.driver.onSettled((debit, takes) => settled.push(`${debit.id}: ${takes}`));
    scene.ledger.mood = 'away';
    const reservation = { kind: 'id', id: 'debit_40' } as const;
    await scene.budgets.debit({ ...itemOf(debitNumber(7)), reservation });
    await scene.budgets.debit(itemOf(debitNumber(8, { postedTo: [] })));
    expect(settled).toEqual([]);
    scene.ledger.mood = 'well';
    await scene.inTheClear();
    expect(settled).toEqual(['debit_7: what limits took']);
    const [balance] = await scene.ledger.readLevels([PERIOD]);
    expect(balance).toMatchObject({ postedNanos: 7n, heldNanos: 0n });
  });

  it('leaves to others what they correct at once, and says so when it replays', async () => {
    const scene = await new Scene().start();
    const heard: string[] = [];
    const settle = {
      finish: () => Promise.resolve(void heard.push('finished')),
      abandon: () => void heard.push('abandoned'),
    };
    scene.driver.onJournal(({ debit }) =>
      Promise.resolve(debit.id === 'debit_7' ? settle : undefined),
    );
    scene.driver.onSettled(({ id }) => heard.push(`replayed ${id}`));
    for (const n of [40, 41])
      await scene.ledger.decide([
        {
          kind: 'hold',
          reservationKey: `r${n}`,
          floorNanos: 0n,
          onExpiry: 'release',
          ttlMs: 1_000_000,
          budgets: [{ key: PERIOD, limitNanos: 100n, isEnforced: true, thresholdPercents: [] }],
          takes: 'what limits took',
          ...debitNumber(n),
        },
      ]);
    scene.ledger.mood = 'away';
    const settles = (n: number, id: string) =>
      scene.budgets.debit({ ...itemOf(debitNumber(n)), reservation: { kind: 'id', id } });
    await settles(7, 'debit_40');
    await settles(8, 'debit_41');
    await settles(7, 'debit_40');
    expect(heard).toEqual(['finished', 'abandoned']);
    scene.ledger.mood = 'well';
    await scene.inTheClear();
    expect(heard).toEqual(['finished', 'abandoned', 'replayed debit_8']);
  });

  it('says that it is full, refuses, and takes debits when there is room', async () => {
    const scene = await new Scene().start();
    scene.ledger.mood = 'away';
    scene.folder.roomBytes = 700;
    await scene.budgets.debit(itemOf(debitNumber(1)));
    await expect(scene.budgets.debit(itemOf(debitNumber(2)))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/disk of the journal is full; nothing was recorded/),
    });
    expect(scene.driver.state()).toMatchObject({ isFull: true, records: 1 });
    scene.folder.roomBytes = 1_000_000;
    await eventually('it finds room by itself', () => !scene.driver.state().isFull);
    scene.ledger.mood = 'well';
    await scene.inTheClear();
    expect(scene.ledger.keys()).toEqual(['call-1']);
  });

  it('does not take the ledger for lost when the debit is at fault', async () => {
    const { budgets, driver, ledger } = await new Scene().start();
    await ledger.decide([itemOf(debitNumber(1, { amountNanos: INT64_MAX }))]);
    expect(await budgets.debit(itemOf(debitNumber(2)))).toEqual({ kind: 'out_of_range' });
    expect(driver.isClear).toBe(true);
  });

  it('refuses a folder that another has, and says so', async () => {
    const scene = await new Scene().start();
    const config = journalConfig();
    const other = new DebitJournal(scene.folder, clock, scene.log, config);
    await expect(other.open()).rejects.toThrow(/in use/);
  });
});
