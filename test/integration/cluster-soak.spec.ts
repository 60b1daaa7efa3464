/**
 * A cluster under fire: three replicas, each on a machine of its own, are killed, stopped, cut off and kept
 * waiting one after the other, while callers in processes of their own ask all of them. `npm run
 * soak:cluster` takes an hour, `SOAK_SECONDS` says otherwise; `npm run soak:cluster:ci` takes one and is a
 * step of CI. The machines are network namespaces; between them everything passes a proxy that can delay,
 * lose and cut. A failure prints the seed, which decides what is done to whom; how long it takes is the machine's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import { type Admission, Admissions } from '../support/chaos/admissions.js';
import { type ChaosReport, textOf } from '../support/chaos/chaos-report.js';
import type { ChaosOrder } from '../support/chaos/chaos-run.js';
import { FaultJournal } from '../support/chaos/fault-journal.js';
import { describeWith } from '../support/discovery/needs.js';
import { NetworkLab } from '../support/discovery/network-lab.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 0);
const SEED = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
const RUN_SOURCES = fileURLToPath(new URL('../support/run-sources.mjs', import.meta.url));
const CHAOS_RUN = fileURLToPath(new URL('../support/chaos/chaos-run.ts', import.meta.url));
const SLOTS = ['a', 'b', 'c'] as const;
const SUBNET = '10.77.7';
/** The address of the proxy, beside that of the callers. */
const BETWEEN = `${SUBNET}.2`;

if (SECONDS > 0) describeWith({ programs: ['ip'], namespaces: true }, 'a cluster under fire', soak);

function soak(): void {
  let database: TestDatabase;
  let lab: NetworkLab;
  const folder = mkdtempSync(join(tmpdir(), 'weir-chaos-'));

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    database = await createTestDatabase();
    lab = NetworkLab.make('chaos', SUBNET, SLOTS.length);
  });

  afterAll(async () => {
    lab?.close();
    await database?.drop();
    removeFolderSync(folder);
  });

  it(
    `keeps its bounds and every debit through ${SECONDS} s (SOAK_SEED=${SEED})`,
    async () => {
      const machines = SLOTS.map((slot, n) => ({
        slot,
        host: lab.host(n),
        gossipPort: 7_001 + n,
        peerPort: 10_101 + n,
        wrapper: lab.on(n),
        advertiseHost: BETWEEN,
      }));
      const place = { folder, databaseUrl: database.url, between: BETWEEN, machines };
      const report = await runBetween(lab, { ...place, seconds: SECONDS, seed: SEED });
      process.stderr.write(`${textOf(report)}\n`);
      expectTruth(report);
    },
    (SECONDS + 900) * 1_000,
  );
}

async function runBetween(lab: NetworkLab, order: ChaosOrder): Promise<ChaosReport> {
  const [ip = '', ...inHub] = lab.on('hub');
  const address = [...inHub, 'ip', 'addr', 'add', `${BETWEEN}/24`, 'dev', 'switch'];
  await once(spawn(ip, address, { stdio: 'inherit' }), 'exit');
  const command = [process.execPath, '--import', RUN_SOURCES, CHAOS_RUN, JSON.stringify(order)];
  const child = spawn(ip, [...inHub, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the run ended with ${code}; SOAK_SEED=${order.seed}`);
  return JSON.parse(out) as ChaosReport;
}

function expectTruth({ faults, calls, calm, breaches, money, audit }: ChaosReport): void {
  for (const [fault, times] of Object.entries(faults))
    expect([fault, times.length > 0]).toEqual([fault, true]);
  expect(calls.admitted).toBeGreaterThan(0);
  expect(calls.denied).toBeGreaterThan(0);
  expect(calm.length).toBeGreaterThan(0);
  expect(money.acknowledged).toBeGreaterThan(0);
  expect({ breaches, ...money }).toMatchObject({ breaches: [], lost: [], doubled: [], wrong: [] });
  expect(audit).toEqual([]);
}

describe('the bound that a run is held to', () => {
  const WAY_MS = 100;
  const call = (slot: string, answeredMs: number): Admission => ({
    limit: 'k',
    windowStartMs: 0,
    slot,
    sentMs: answeredMs - 1,
    answeredMs,
    newsMs: 20,
  });
  const judged = (calls: readonly Admission[], note: (journal: FaultJournal) => void) => {
    const journal = new FaultJournal({
      wayMs: () => WAY_MS,
      untoldNewsMs: Number.POSITIVE_INFINITY,
    });
    journal.started('a', 0);
    journal.started('b', 0);
    note(journal);
    const admissions = new Admissions({ maximum: 2, windowMs: 5_000 }, journal);
    for (const each of calls) admissions.add(each);
    const [verdict] = admissions.judge(10_000);
    if (verdict === undefined) throw new Error('the window is over');
    return verdict.admitted - 2 - verdict.allowedOver;
  };

  it('allows what another one admitted within the lag, and nothing before', () => {
    const lately = [call('b', 1_000), call('b', 1_950), call('a', 2_000)];
    expect(judged(lately, () => undefined)).toBeLessThanOrEqual(0);
    const longAgo = [call('b', 1_000), call('b', 1_800), call('a', 2_000)];
    expect(judged(longAgo, () => undefined)).toBe(1);
  });

  it('allows everything of others where an answer does not tell the age of its news', () => {
    const untold = { ...call('a', 2_000), newsMs: undefined };
    expect(judged([call('b', 1_000), call('b', 1_800), untold], () => undefined)).toBe(-1);
  });

  it('allows what was admitted by one that could not be heard, from then on', () => {
    const calls = [call('b', 1_000), call('b', 1_800), call('a', 2_000)];
    const cut = (endMs: number) => (journal: FaultJournal) =>
      journal.deaf([['b', 'a']], 1_500)(endMs);
    expect(judged(calls, cut(1_950))).toBeLessThanOrEqual(0);
    expect(judged(calls, cut(1_600))).toBe(1);
    const otherWay = (journal: FaultJournal) => journal.deaf([['a', 'b']], 1_500)(1_950);
    expect(judged(calls, otherWay)).toBe(1);
  });

  it('allows what a killed one may have told nobody, and not what it had told before', () => {
    const calls = [call('b', 1_000), call('b', 1_450), call('a', 2_000)];
    expect(judged(calls, (journal) => journal.killed('b', 1_500))).toBeLessThanOrEqual(0);
    expect(judged(calls, (journal) => journal.killed('b', 1_700))).toBe(1);
  });
});
