import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryJournalFolder } from '../../src/budgets/journal/memory-journal-folder.js';
import { NodeJournalFolder } from '../../src/budgets/journal/node-journal-folder.js';
import { journalConfig } from '../support/journaled-debits.js';
import { journalFolderContract } from './journal-folder.contract.js';

journalFolderContract('MemoryJournalFolder', async () => new MemoryJournalFolder());

journalFolderContract('NodeJournalFolder', async () => {
  const dataDir = join(await mkdtemp(join(tmpdir(), 'weir-journal-')), 'deep', 'journal');
  return new NodeJournalFolder(journalConfig({ dataDir }));
});
