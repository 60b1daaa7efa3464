import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { JournalFolder } from '../../src/budgets/journal/journal-folder.js';

const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values);

/** What every folder of a journal does. `make` gives one on the same place each time. */
export function journalFolderContract(name: string, make: () => Promise<JournalFolder>): void {
  describe(name, () => {
    let folder: JournalFolder;
    const all = async (file: string) => [...(await folder.read(file, 0, 1_000))];

    beforeEach(async () => {
      folder = await make();
      await folder.open();
    });

    afterEach(() => folder.close());

    it('appends, and reads ranges', async () => {
      await folder.append('a', 0, bytes(1, 2, 3));
      await folder.append('a', 3, bytes(4, 5));
      expect(await all('a')).toEqual([1, 2, 3, 4, 5]);
      expect([...(await folder.read('a', 1, 4))]).toEqual([2, 3, 4]);
      expect([...(await folder.read('a', 9, 12))]).toEqual([]);
      expect(await folder.list()).toContainEqual({ name: 'a', bytes: 5 });
    });

    it('makes a file only if it is new', async () => {
      await folder.append('a', 0, bytes(1));
      await expect(folder.append('a', 0, bytes(2))).rejects.toThrow();
      expect(await all('a')).toEqual([1]);
    });

    it('appends to two files by turns', async () => {
      await folder.append('a', 0, bytes(1));
      await folder.append('b', 0, bytes(2));
      await folder.append('a', 1, bytes(3));
      expect([await all('a'), await all('b')]).toEqual([[1, 3], [2]]);
    });

    it('cuts a file, and appends after the cut', async () => {
      await folder.append('a', 0, bytes(1, 2, 3));
      await folder.truncate('a', 1);
      await folder.append('a', 1, bytes(9));
      expect(await all('a')).toEqual([1, 9]);
    });

    it('replaces a file, whether it is there or not', async () => {
      await folder.replace('p', bytes(1, 2));
      await folder.replace('p', bytes(3));
      expect(await all('p')).toEqual([3]);
    });

    it('removes a file, whether it is there or not', async () => {
      await folder.append('a', 0, bytes(1));
      await folder.remove('a');
      await folder.remove('a');
      expect(await all('a')).toEqual([]);
      expect((await folder.list()).map((file) => file.name)).not.toContain('a');
    });

    it('is had by one at a time', async () => {
      await expect(folder.open()).rejects.toThrow(/in use/);
      await folder.close();
      await folder.open();
    });
  });
}
