import { describe, expect, it } from '@jest/globals';
import { entryNumber, journalConfig } from '../../../test/support/journaled-debits.js';
import { RecordingLog } from '../../../test/support/recording-log.js';
import { Clock } from '../../common/clock.js';
import { type MonoMs, monoMs, type WallMs, wallMs } from '../../common/time.js';
import type { JournalConfig } from '../../config/journal-config.js';
import { encodeHeader, encodeRecord, HEADER_BYTES } from '../core/journal-record.js';
import { DebitJournal } from './debit-journal.js';
import { MemoryJournalFolder } from './memory-journal-folder.js';

class StillClock extends Clock {
  wallNow(): WallMs {
    return wallMs(1_005_000);
  }

  monoNow(): MonoMs {
    return monoMs(0);
  }
}

const FIRST = 'journal-0000000001.log';
const RECORD_BYTES = encodeRecord(entryNumber(1)).length;

class Scene {
  readonly folder = new MemoryJournalFolder();
  readonly log = new RecordingLog();

  constructor(private readonly changes: Partial<JournalConfig> = {}) {}

  async open(): Promise<DebitJournal> {
    this.folder.revive();
    const config = journalConfig(this.changes);
    const journal = new DebitJournal(this.folder, new StillClock(), this.log, config);
    await journal.open();
    return journal;
  }
}

const entries = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => entryNumber(from + i));

async function drain(journal: DebitJournal, groupSize = 2): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    const records = await journal.next(groupSize);
    if (records.length === 0) return keys;
    keys.push(...records.map(({ entry }) => entry.item.debit.idempotencyKey));
    await journal.takeOut(records);
  }
}

const kinds = (answers: readonly { kind: string }[]): string[] => answers.map(({ kind }) => kind);

describe('DebitJournal', () => {
  it('gives back what it took, in order, and leaves no segment behind', async () => {
    const scene = new Scene();
    const journal = await scene.open();
    expect(journal.isEmpty).toBe(true);
    expect(kinds(await journal.append(entries(1, 3)))).toEqual(Array(3).fill('journaled'));
    await journal.append(entries(4, 5));
    expect(scene.folder.syncs).toBe(2);
    expect([journal.records, journal.oldestAgeMs()]).toEqual([5, 4_999]);
    expect(await drain(journal)).toEqual(['call-1', 'call-2', 'call-3', 'call-4', 'call-5']);
    expect([journal.isEmpty, journal.bytes, journal.oldestAgeMs()]).toEqual([true, 0, 0]);
    expect([...scene.folder.files.keys()]).toEqual(['position']);
  });

  it('takes a key once: the same body gives the first facts, another is a conflict', async () => {
    const journal = await new Scene().open();
    const again = entryNumber(1, { id: 'later', amountNanos: 9n });
    const other = entryNumber(1, { bodyHash: 'cd' });
    expect(await journal.append([entryNumber(1), again, other])).toMatchObject([
      { kind: 'journaled', isReplayed: false, facts: { id: 'debit_1', amountNanos: 1n } },
      { kind: 'journaled', isReplayed: true, facts: { id: 'debit_1', amountNanos: 1n } },
      { kind: 'conflict' },
    ]);
    expect(kinds(await journal.append([other, entryNumber(1, { scope: 'other' })]))).toEqual([
      'conflict',
      'journaled',
    ]);
    expect(await drain(journal)).toEqual(['call-1', 'call-1']);
    expect(kinds(await journal.append([other]))).toEqual(['journaled']);
  });

  it('goes on after a restart where it was, and knows the keys', async () => {
    const scene = new Scene();
    const before = await scene.open();
    await before.append(entries(1, 5));
    await before.takeOut(await before.next(2));
    const after = await scene.open();
    expect(after.records).toBe(3);
    expect(kinds(await after.append([entryNumber(4, { bodyHash: 'cd' })]))).toEqual(['conflict']);
    await after.append([entryNumber(6)]);
    expect(await drain(after)).toEqual(['call-3', 'call-4', 'call-5', 'call-6']);
    await (await scene.open()).append([entryNumber(7)]);
    expect(await drain(await scene.open())).toEqual(['call-7']);
  });

  it('sends all of it again if the position is lost or makes no sense', async () => {
    for (const bytes of [new Uint8Array(3), undefined]) {
      const scene = new Scene();
      const before = await scene.open();
      await before.append(entries(1, 3));
      await before.takeOut(await before.next(2));
      if (bytes) scene.folder.files.set('position', bytes);
      else scene.folder.files.delete('position');
      expect(await drain(await scene.open())).toEqual(['call-1', 'call-2', 'call-3']);
    }
  });

  it('cuts off what a crash left of a record, wherever it fell', async () => {
    for (let kept = 0; kept <= RECORD_BYTES; kept += 7) {
      const scene = new Scene();
      const before = await scene.open();
      await before.append(entries(1, 2));
      scene.folder.tearNextAppend(kept);
      expect(kinds(await before.append([entryNumber(3)]))).toEqual(['refused']);
      const after = await scene.open();
      if (kept > 0 && kept < RECORD_BYTES) await scene.log.saw(/not written to its end/);
      await after.append([entryNumber(4)]);
      const keys = await drain(after);
      expect(keys.filter((key) => key !== 'call-3')).toEqual(['call-1', 'call-2', 'call-4']);
      expect(after.setAside).toBe(0);
    }
  });

  it('sets a damaged record aside, with its bytes, and goes on with the next', async () => {
    const scene = new Scene();
    await (await scene.open()).append(entries(1, 3));
    const from = HEADER_BYTES + RECORD_BYTES;
    scene.folder.flipBit(FIRST, (from + 40) * 8);
    const damaged = scene.folder.files.get(FIRST)?.slice(from, from + RECORD_BYTES);
    const after = await scene.open();
    expect([after.records, after.setAside]).toEqual([2, 1]);
    expect(await drain(after)).toEqual(['call-1', 'call-3']);
    expect(scene.folder.files.get(`${FIRST}.${from}.corrupt`)).toEqual(damaged);
    await scene.log.saw(/error A record of the journal cannot be read/);
  });

  it('sets aside what is damaged while it runs, and is empty in the end', async () => {
    const scene = new Scene();
    const journal = await scene.open();
    await journal.append(entries(1, 3));
    scene.folder.flipBit(FIRST, (HEADER_BYTES + 2 * RECORD_BYTES + 40) * 8);
    expect(await drain(journal)).toEqual(['call-1', 'call-2']);
    expect([journal.isEmpty, journal.setAside]).toEqual([true, 1]);
  });

  it('refuses to open on a foreign file, and on one of a later version', async () => {
    const scene = new Scene();
    scene.folder.files.set(FIRST, new TextEncoder().encode('a letter to somebody else entirely'));
    await expect(scene.open()).rejects.toThrow(/journal-0000000001\.log is not a file of this/);
    expect(scene.folder.files.has(FIRST)).toBe(true);
    scene.folder.files.set(FIRST, encodeHeader(1));
    scene.folder.files.set('lost+found', Uint8Array.of(1));
    expect((await scene.open()).isEmpty).toBe(true);
  });

  it('leaves nothing of a group for which the disk has no room, and takes the next that fits', async () => {
    const scene = new Scene();
    const journal = await scene.open();
    await journal.append(entries(1, 2));
    scene.folder.roomBytes = journal.bytes + RECORD_BYTES + 10;
    const answers = await journal.append(entries(3, 4));
    expect(answers).toMatchObject([
      { kind: 'refused', error: { code: 'UNAVAILABLE' } },
      { kind: 'refused', error: { message: expect.stringMatching(/disk of the journal is full/) } },
    ]);
    expect([journal.isFull, journal.records]).toEqual([true, 2]);
    await journal.lookForRoom();
    expect(journal.isFull).toBe(true);
    scene.folder.roomBytes = 1_000_000;
    await journal.lookForRoom();
    expect(journal.isFull).toBe(false);
    expect(kinds(await journal.append([entryNumber(3)]))).toEqual(['journaled']);
    expect(await drain(journal)).toEqual(['call-1', 'call-2', 'call-3']);
  });

  it('never writes again to a file whose sync has failed', async () => {
    const scene = new Scene();
    const journal = await scene.open();
    await journal.append([entryNumber(1)]);
    scene.folder.failSyncs(1);
    expect(kinds(await journal.append([entryNumber(2)]))).toEqual(['refused']);
    await journal.append([entryNumber(3)]);
    expect([...scene.folder.files.keys()]).toEqual([FIRST, 'journal-0000000002.log']);
    expect(await drain(await scene.open())).toEqual(['call-1', 'call-3']);
  });

  it.each([
    ['bytes', { bytesMax: 65_536 }],
    ['records', { recordsMax: 100 }],
  ])(
    'takes as much as its bound of %s allows, in order, and more when there is room',
    async (_, changes) => {
      const journal = await new Scene(changes).open();
      const answers = await journal.append(entries(1, 500));
      const taken = kinds(answers).filter((kind) => kind === 'journaled').length;
      expect(taken).toBeGreaterThan(50);
      expect(kinds(answers.slice(0, taken))).toEqual(Array(taken).fill('journaled'));
      expect(answers.at(-1)).toMatchObject({ kind: 'refused', error: { code: 'UNAVAILABLE' } });
      expect([journal.isFull, journal.records]).toEqual([true, taken]);
      expect(journal.bytes).toBeLessThanOrEqual(65_536);
      expect(kinds(await journal.append([entryNumber(1)]))).toEqual(['journaled']);
      expect(await drain(journal, 40)).toHaveLength(taken);
      expect(journal.isFull).toBe(false);
      expect(kinds(await journal.append([entryNumber(501)]))).toEqual(['journaled']);
    },
  );

  it('spreads over segments that go as they are replayed', async () => {
    const journal = await new Scene({ bytesMax: 65_536 }).open();
    for (let n = 1; n <= 60; n += 10) await journal.append(entries(n, n + 9));
    const { bytes } = journal;
    await journal.takeOut(await journal.next(60));
    await journal.next(1);
    expect(journal.bytes).toBeLessThan(bytes);
  });
});
