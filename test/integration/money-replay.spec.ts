/**
 * Real traces, replayed with holds and settles while the service and its database are killed, three times
 * each: the ledger's sum is the file's, to the nano-dollar. By hand: `TRACES=FOLDER npm run soak:replay`,
 * where the folder has the traces and `model-prices.csv`.
 */
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { removeFolder } from '../../src/common/remove-folder.js';
import { OwnerKind } from '../../src/gen/weir/v1/common.js';
import { LedgerServiceService } from '../../src/gen/weir/v1/ledger_service.js';
import { QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { createClient } from '../../src/rpc/grpc-client.js';
import { eventually } from '../support/eventually.js';
import { Victim } from '../support/victim.js';
import { WeirProcess } from '../support/weir-process.js';

const TRACES = process.env['TRACES'] ?? '';
const KILLS = 3;
const DEADLINE_MS = 600_000;
/** Every check finds a budget, so that it holds; none is ever used up. */
const BUDGETS = "budgets:\n  - { budget: '1000000.00', per: month }\n";
const ROOT = { kind: OwnerKind.OWNER_KIND_ROOT, id: '' };

(TRACES === '' ? it.skip : it).each([
  'azure-llm-inference-2023-conv.csv',
  'azure-llm-inference-2023-code.csv',
])(
  'the sums of %s are equal after service and database were killed',
  async (trace) => {
    const rows = await rowsOf(resolve(TRACES, trace));
    const folder = await mkdtemp(join(tmpdir(), 'weir replay '));
    await chmod(folder, 0o755);
    await writeFile(join(folder, 'budgets.yaml'), BUDGETS);
    const victim = await Victim.in(folder);
    const options = { deadlineMs: 60_000 };
    const quota = createClient(
      QuotaServiceService,
      'weir.v1.QuotaService',
      victim.address,
      options,
    );
    const ledger = createClient(
      LedgerServiceService,
      'weir.v1.LedgerService',
      victim.address,
      options,
    );
    const debits = async (): Promise<number> => {
      const subject = { $case: 'owner' as const, value: ROOT };
      const usage = await quota
        .getUsage({ subject, interval: undefined, group: {} })
        .catch(() => undefined);
      return Number(usage?.spend?.debits ?? -1);
    };
    try {
      victim.start();
      await eventually('the service answers', async () => (await debits()) === 0, DEADLINE_MS);
      const replay = replayProcess(folder, trace, victim.address);
      for (let kill = 1; kill <= 2 * KILLS; kill++) {
        const share = Math.floor((rows * kill) / (2 * KILLS + 1));
        await eventually(
          `${share} debits are in the ledger; it says ${replay.err.slice(-500)}`,
          async () => (await debits()) >= share,
          DEADLINE_MS,
        );
        await (kill % 2 === 1 ? victim.killService() : victim.killDatabase());
      }
      const code = await replay.end();
      expect([code, replay.out, replay.err]).toEqual([0, expect.any(String), expect.any(String)]);
      const report: unknown = JSON.parse(replay.out);
      expect(report).toMatchObject({ calls: rows, denied: 0, equal: true });
      expect(victim.kills).toEqual({ service: KILLS, database: KILLS });
      await eventually('no debit is in the journal', async () => (await debits()) === rows, 60_000);
      expect((await ledger.auditBudgets({}, { deadlineMs: DEADLINE_MS })).faults).toEqual([]);
      process.stderr.write(`${trace}, killed ${2 * KILLS} times: ${JSON.stringify(report)}\n`);
    } finally {
      quota.close();
      ledger.close();
      await victim.stop();
      await removeFolder(folder);
    }
  },
  4 * DEADLINE_MS,
);

/** Below the line of column names. */
async function rowsOf(file: string): Promise<number> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.filter((line) => line.trim() !== '').length - 1;
}

function replayProcess(folder: string, trace: string, target: string): WeirProcess {
  const files = [
    '--trace',
    resolve(TRACES, trace),
    '--prices',
    resolve(TRACES, 'model-prices.csv'),
  ];
  const models = ['openai/gpt-4o', 'anthropic/claude-3-haiku-20240307'];
  return new WeirProcess(folder, [
    'replay',
    ...files,
    ...models.flatMap((model) => ['--model', model]),
    '--keys=5',
    '--estimate-factor=1.3',
    '--limits=budgets.yaml',
    '--patience=10m',
    '--run=kills',
    `--target=${target}`,
    '--json',
  ]);
}
