/** A disk that runs full, for real: under PostgreSQL, and under the journal. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { DebitJournal } from '../../src/budgets/journal/debit-journal.js';
import { NodeJournalFolder } from '../../src/budgets/journal/node-journal-folder.js';
import { silentLog } from '../../src/common/log.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { Durability, QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { GovernanceServiceService } from '../../src/gen/weir/v1/governance_service.js';
import { LedgerServiceService } from '../../src/gen/weir/v1/ledger_service.js';
import { startService } from '../../src/main.js';
import { createClient, type GrpcClient } from '../../src/rpc/grpc-client.js';
import { budgetOf, debitOf } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { ledgerEntries } from '../support/ledger-entries.js';
import { entryNumber, journalConfig } from '../support/journaled-debits.js';
import { SmallDisk } from '../support/small-disk.js';

/** A fresh database takes about 60 MB, and its log grows by 16 MB at a time. */
const DATABASE_MB = 200;
const JOURNAL_MB = 1;
const BATCH = 50;
const DEADLINE_MS = 120_000;

const disk = SmallDisk.make(DATABASE_MB);
const journalDisk = SmallDisk.make(JOURNAL_MB);
const whereDisksCanBeMade = disk === undefined || journalDisk === undefined ? it.skip : it;

afterAll(() => {
  disk?.remove();
  journalDisk?.remove();
});

it('has disks to fill, at least in CI', () => {
  const mayMiss = process.env['CI'] !== 'true';
  expect(mayMiss || (disk !== undefined && journalDisk !== undefined)).toBe(true);
});

interface Clients {
  readonly quota: GrpcClient<typeof QuotaServiceService>;
  readonly governance: GrpcClient<typeof GovernanceServiceService>;
  readonly ledger: GrpcClient<typeof LedgerServiceService>;
}

function clientsOf(address: string): Clients {
  const options = { deadlineMs: DEADLINE_MS };
  return {
    quota: createClient(QuotaServiceService, 'weir.v1.QuotaService', address, options),
    governance: createClient(
      GovernanceServiceService,
      'weir.v1.GovernanceService',
      address,
      options,
    ),
    ledger: createClient(LedgerServiceService, 'weir.v1.LedgerService', address, options),
  };
}

/** The keyless caller's debits: the root's budget is all that they meet. */
class Spender {
  readonly keys: string[] = [];

  constructor(private readonly quota: Clients['quota']) {}

  /** A batch of debits, every one of which must be answered; where they are safe. */
  async spend(): Promise<ReadonlySet<Durability>> {
    const debits = Array.from({ length: BATCH }, () => {
      const key = `debit-${this.keys.length}`;
      this.keys.push(key);
      return { ...debitOf('', key, { amountNanos: 1n }), subject: undefined };
    });
    const { results } = await this.quota.batchDebitBudget({ debits });
    return new Set(
      results.map(({ result }) => {
        if (result?.$case === 'response') return result.value.durability;
        throw new Error(`a debit was not taken: ${result?.value.message}`);
      }),
    );
  }
}

async function keysInLedger({ ledger }: Clients): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { idempotencyKey } of ledgerEntries(ledger)) keys.push(idempotencyKey);
  return keys;
}

describe('a full disk', () => {
  whereDisksCanBeMade(
    'under PostgreSQL sends debits to the journal, and loses none of them',
    async () => {
      if (disk === undefined) throw new Error('no disk');
      const journal = await mkdtemp(join(tmpdir(), 'weir-journal-'));
      const service = await startService({
        env: {},
        log: silentLog,
        overrides: {
          'grpc.port': 0,
          'http.port': 0,
          'storage.embedded.dataDir': join(disk.folder, 'postgres'),
          'journal.dataDir': journal,
        },
      });
      const clients = clientsOf(service.grpcAddress);
      try {
        await clients.governance.createBudget({ budget: budgetOf({ amountNanos: 1n << 40n }) });
        const spender = new Spender(clients.quota);
        expect(await spender.spend()).toEqual(new Set([Durability.DURABILITY_COMMITTED]));
        disk.fill();
        await eventually(
          'the database cannot take a debit, and the journal does',
          async () => (await spender.spend()).has(Durability.DURABILITY_JOURNALED),
          DEADLINE_MS,
        );
        await spender.spend();
        disk.empty();
        await eventually(
          'the ledger has all debits',
          async () => {
            const found = await keysInLedger(clients).catch(() => []);
            return found.length >= spender.keys.length;
          },
          DEADLINE_MS,
        );
        expect([...(await keysInLedger(clients))].sort()).toEqual([...spender.keys].sort());
        await eventually(
          'debits go to the ledger again',
          async () => (await spender.spend()).has(Durability.DURABILITY_COMMITTED),
          DEADLINE_MS,
        );
        expect((await clients.ledger.auditBudgets({})).faults).toEqual([]);
      } finally {
        disk.empty();
        for (const client of Object.values(clients)) client.close();
        await service.stop();
        await removeFolder(journal);
      }
    },
    4 * DEADLINE_MS,
  );

  whereDisksCanBeMade(
    'under the journal refuses what does not fit, and keeps what it has taken',
    async () => {
      if (journalDisk === undefined) throw new Error('no disk');
      const config = journalConfig({ dataDir: join(journalDisk.folder, 'journal') });
      const open = async (): Promise<DebitJournal> => {
        const folder = new NodeJournalFolder(config);
        const journal = new DebitJournal(folder, new SystemClock(), silentLog, config);
        await journal.open();
        return journal;
      };
      const journal = await open();
      let taken = 0;
      while (!journal.isFull) {
        const [answer] = await journal.append([entryNumber(taken + 1)]);
        if (answer?.kind === 'journaled') taken++;
        else expect(answer).toMatchObject({ kind: 'refused', error: { code: 'UNAVAILABLE' } });
        expect(journal.records).toBe(taken);
        if (taken === 20) journalDisk.fill();
      }
      expect(taken).toBeGreaterThanOrEqual(20);
      await journal.lookForRoom();
      expect(journal.isFull).toBe(true);
      journalDisk.empty();
      await journal.lookForRoom();
      expect(journal.isFull).toBe(false);
      expect(await journal.append([entryNumber(taken + 1)])).toMatchObject([{ kind: 'journaled' }]);
      await journal.close();
      const again = await open();
      const kept: string[] = [];
      while (again.records > 0) {
        const records = await again.next(taken);
        kept.push(...records.map(({ entry }) => entry.item.debit.idempotencyKey));
        await again.takeOut(records);
      }
      expect(kept).toEqual(Array.from({ length: taken + 1 }, (_, i) => `call-${i + 1}`));
      await again.close();
    },
  );
});
