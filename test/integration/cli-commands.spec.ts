import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT, type ExitCode } from '../../src/cli/exit-code.js';
import { runCli } from '../../src/cli/program.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';
import { TRACE_MODELS, type TraceFiles, writeTraceFiles } from '../support/trace-file.js';

let database: TestDatabase;
let replica: Replica;
let folder: string;
let files: TraceFiles;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-cli-'));
  files = await writeTraceFiles(folder, { rows: 300 });
  database = await createTestDatabase();
  replica = await startReplica(database.url);
});

afterAll(async () => {
  await replica?.stop();
  await database?.drop();
  await removeFolder(folder);
});

interface Run {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, against the replica. */
async function weir(...args: readonly string[]): Promise<Run> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { write: (text) => (written.err += text) },
    stdin: Readable.from([]),
    env: { WEIR_TARGET: replica.service.grpcAddress },
    stopRequested: () => new Promise(() => undefined),
  });
  return { code, ...written };
}

/** The document that a command prints, which must not fail. */
async function json(...args: readonly string[]) {
  const { code, out, err } = await weir(...args, '--json');
  expect({ code, err: code === EXIT.OK ? '' : err }).toEqual({ code: EXIT.OK, err: '' });
  return JSON.parse(out);
}

describe('weir customer, team, key, limit, budget and price', () => {
  it('create, show, list, change and delete', async () => {
    await json('customer', 'create', 'acme', '--name', 'Acme Inc.');
    await json('team', 'create', 'search', '--customer', 'acme');
    const key = await json(
      'key',
      'create',
      'ada',
      '--team',
      'search',
      '--allow-provider',
      'openai',
    );
    expect(key).toMatchObject({ id: 'ada', customerId: 'acme', active: true });
    expect(key.secret.startsWith(key.secretHint)).toBe(true);
    expect(await json('key', 'get', 'ada')).not.toHaveProperty('secret');
    expect(await json('key', 'list', '--team', 'search')).toMatchObject({
      virtualKeys: [{ id: 'ada', allowedProviders: { names: ['openai'] } }],
      more: false,
    });

    await json('limit', 'create', 'l', '--key', 'ada', '--max', '100', '--per', '1m');
    expect(await json('limit', 'update', 'l', '--max', '50')).toMatchObject({
      maximum: '50',
      duration: '60s',
      counterRestarted: false,
    });
    expect(
      await json(
        'limit',
        'update',
        'l',
        '--per',
        'day',
        '--time-zone',
        'Europe/Berlin',
        '--algorithm',
        'fixed',
      ),
    ).toMatchObject({
      maximum: '50',
      calendar: { unit: 'CALENDAR_UNIT_DAY', timeZone: 'Europe/Berlin' },
      counterRestarted: true,
    });

    await json(
      'budget',
      'create',
      'b',
      '--key',
      'ada',
      '--budget',
      '0.000000001',
      '--per',
      'month',
    );
    expect(await json('budget', 'get', 'b')).toMatchObject({ amountNanos: '1' });
    expect(await json('budget', 'update', 'b', '--budget', '25')).toMatchObject({
      amountNanos: '25000000000',
      calendar: { unit: 'CALENDAR_UNIT_MONTH' },
    });

    expect(
      await json('key', 'update', 'ada', '--no-active', '--expires', '2030-01-01'),
    ).toMatchObject({
      active: false,
      expiresAt: '2030-01-01T00:00:00Z',
      allowedProviders: { names: ['openai'] },
    });
    const back = await json(
      'key',
      'update',
      'ada',
      '--active',
      '--no-expiry',
      '--allow-any-provider',
    );
    expect(back).toMatchObject({ active: true });
    expect(back).not.toHaveProperty('expiresAt');
    expect(back).not.toHaveProperty('allowedProviders');

    expect(await weir('customer', 'delete', 'acme')).toMatchObject({
      code: EXIT.USAGE,
      err: expect.stringContaining('team'),
    });
    await weir('limit', 'create', 'l2', ...'--key ada --rate 10/s --burst 20'.split(' '));
    await weir('limit', 'create', 'l3', ...'--key ada --max 0.50usd --per 1h'.split(' '));
    await weir('limit', 'create', 'l4', ...'--key ada --max 5 --hold 30s'.split(' '));
    const tokens = '--key ada --max 2000 --unit tokens --per 1m --group-by model,label:user';
    await weir('limit', 'create', 'l5', ...tokens.split(' '));
    const { out: limits } = await weir('limit', 'list', '--key', 'ada');
    expect(limits).toMatch(/10\/1s requests, burst 20 .* 20 +requests +10\/1s +token bucket/);
    expect(limits).toMatch(/\$0\.50 USD per 1h .* \$0\.50 +USD +1h +sliding window/);
    expect(limits).toMatch(/5 calls at once .* requests +at once, 30s each +concurrency/);
    expect(limits).toMatch(/2000 tokens per 1m .* model, label:user; at most 10000/);
    expect(await json('limit', 'update', 'l5', '--max', '50')).toMatchObject({
      maximum: '50',
      unit: 'UNIT_TOKENS',
      groupBy: ['model', 'label:user'],
      groupsMax: 10_000,
      counterRestarted: false,
    });
    const apart = await json('limit', 'update', 'l5', '--scope', 'region');
    expect(apart).toMatchObject({ scope: 'SCOPE_REGION', counterRestarted: true });
    expect((await weir('limit', 'list', '--key', 'ada')).out).toMatch(/SCOPE[^]*region/);
    const elsewhere = await weir('limit', 'update', 'l5', '--scope', 'mars');
    expect(elsewhere.err).toMatch(/Write one of global, region/);
    expect((await weir('limit', 'update', 'l3', '--max', '5')).err).toMatch(/counts US dollars/);

    for (const [noun, id] of [
      ['limit', 'l2'],
      ['limit', 'l3'],
      ['limit', 'l4'],
      ['limit', 'l5'],
      ['limit', 'l'],
      ['budget', 'b'],
      ['key', 'ada'],
      ['team', 'search'],
      ['customer', 'acme'],
    ] as const) {
      expect(await json(noun, 'delete', id)).toEqual({ deleted: id });
    }
  });

  it('say what a budget does, and raise it for a time', async () => {
    const create = ['budget', 'create', 'ruled', '--root', '--budget', '100', '--per'] as const;
    const rules = [
      '--on-expiry',
      'charge-floor',
      '--on-unavailable',
      'allow',
      '--thresholds',
      '90',
    ];
    const carry = ['--carry-max', '20', '--carry-overage', '--on-provider', 'none'];
    const made = await json(...create, '30d', '--anchor', '2026-08-03', ...rules, ...carry);
    expect(made).toMatchObject({
      name: '$100.00 per 30d from 2026-08-03T00:00:00Z',
      fixed: { duration: '2592000s', anchor: '2026-08-03T00:00:00Z' },
      onExpiry: 'EXPIRY_POLICY_CHARGE_FLOOR',
      onUnavailable: 'FALLBACK_ALLOW',
      onUnpriced: 'FALLBACK_DENY',
      thresholdPercents: [90],
      carryOver: { maxNanos: '20000000000', minNanos: '0', overage: true },
    });
    expect(await json('budget', 'update', 'ruled', '--carry-min', '1')).toMatchObject({
      carryOver: { maxNanos: '20000000000', minNanos: '1000000000', overage: true },
      periodRestarted: false,
    });
    const shown = await weir('budget', 'get', 'ruled');
    expect(shown.out).toMatch(/CARRIES OVER +at most \$20.00, at least \$1.00, and what was over/);
    expect(shown.out).toMatch(/ON EXPIRY +charge floor/);
    expect(await json('budget', 'update', 'ruled', '--no-carry-over')).not.toHaveProperty(
      'carryOver',
    );
    expect((await weir('budget', 'update', 'ruled', '--thresholds', '9,5')).err).toContain(
      '(--thresholds)',
    );

    const why = ['--reason', 'launch', '--actor', 'ada'] as const;
    const grant = await json('grant', 'create', 'ruled', '--amount', '50', '--for', '7d', ...why);
    expect(grant).toMatchObject({ budgetId: 'ruled', amountNanos: '50000000000', actor: 'ada' });
    expect(await json('grant', 'get', grant.id)).toEqual(grant);
    expect(await json('grant', 'list', '--budget', 'ruled')).toEqual({
      grants: [grant],
      more: false,
    });
    expect((await weir('grant', 'list', '--budget', 'ruled')).out).toContain('$50.00');
    const past = ['grant', 'create', 'ruled', '--amount', '1', '--until', '2020-01-01'] as const;
    expect(await weir(...past, ...why)).toMatchObject({
      code: EXIT.USAGE,
      err: expect.stringContaining('(--until or --for)'),
    });
    await json('budget', 'delete', 'ruled');
  });

  it('take a document, in the form in which they print one', async () => {
    const printed = await json('customer', 'create', 'doc', '--name', 'Document');
    await json('customer', 'delete', 'doc');
    const file = join(folder, 'customer.json');
    await writeFile(file, JSON.stringify(printed));
    expect(await json('customer', 'create', '--from', file)).toMatchObject({
      id: 'doc',
      name: 'Document',
    });
  });

  it('name the option that the service refuses', async () => {
    const refused = await weir('limit', 'create', '--root', '--max', '5', '--per', '500ms');
    expect(refused).toMatchObject({ code: EXIT.USAGE, out: '' });
    expect(refused.err).toMatch(/limit\.duration \(--per\)/);
  });

  it('import prices, again without a change, and refuse a bad line', async () => {
    expect(await json('price', 'import', files.prices)).toEqual({
      created: 3,
      updated: 0,
      unchanged: 0,
    });
    expect(await json('price', 'import', files.prices)).toEqual({
      created: 0,
      updated: 0,
      unchanged: 3,
    });
    expect((await json('price', 'list', '--provider', 'odd')).prices).toHaveLength(3);
    const bad = join(folder, 'bad.csv');
    await writeFile(
      bad,
      'provider,model,input_pico_usd_per_token,output_pico_usd_per_token\nx,y,1,no\n',
    );
    expect((await weir('price', 'import', bad)).err).toContain('bad.csv, line 2');
  });
});

describe('weir check, debit and usage', () => {
  it('decide, record and sum up', async () => {
    await json('key', 'create', 'eve');
    await json('limit', 'create', '--key', 'eve', '--max', '1', '--per', 'year');
    await json('budget', 'create', '--key', 'eve', '--budget', '0.01', '--per', 'lifetime');
    await json('price', 'import', files.prices);
    const check = ['check', '--key', 'eve', '--model', 'odd/a'] as const;

    expect(await json(...check, '--dry-run')).toMatchObject({ decision: 'DECISION_ALLOW' });
    expect(await json(...check)).toMatchObject({ statuses: [{ remaining: '0' }, {}] });
    const denied = await weir(...check);
    expect(denied.code).toBe(EXIT.DENIED);
    expect(denied.out).toContain('DENIED by 1 request per year (UTC) of key eve: RATE_LIMITED');

    const debit = ['debit', '--key', 'eve', '--model', 'odd/a', '--idempotency-key', 'k'] as const;
    const first = await json(...debit, '--input-tokens', '7');
    expect(first).toMatchObject({ amountNanos: '1000', replayed: false });
    expect(await json(...debit, '--input-tokens', '7')).toMatchObject({
      debitId: first.debitId,
      replayed: true,
    });
    expect(await weir(...debit, '--input-tokens', '8')).toMatchObject({
      code: EXIT.USAGE,
      err: expect.stringContaining('--idempotency-key'),
    });
    expect(await json('usage', '--key', 'eve')).toMatchObject({
      spend: { debits: '1', amountNanos: '1000', usage: { input: '7' } },
    });
  });

  it('show the counter of one group', async () => {
    await json('key', 'create', 'una');
    const grouped = '--key una --max 3 --per year --group-by model,label:user'.split(' ');
    await json('limit', 'create', 'by-model', ...grouped);
    await json('check', '--key', 'una', '--model', 'odd/a', '--label', 'user=bob');
    const usage = ['usage', '--key', 'una', '--group', 'model=a', '--group'] as const;
    expect(await json(...usage, 'label:user=bob')).toMatchObject({
      statuses: [{ remaining: '2', group: { model: 'a', 'label:user': 'bob' } }],
    });
    const { out } = await weir(...usage, 'label:user=eve');
    expect(out).toMatch(/key una +3 +3 +yes +a, eve /);
    expect(await weir(...usage, 'user=bob')).toEqual({
      code: EXIT.USAGE,
      out: '',
      err: 'weir: group["user"] (--group): no limit of this owner is grouped by that; they are by label:user, model\n',
    });
  });

  it("show the counter of a key's own team and customer, or of the one that is asked for", async () => {
    await json('customer', 'create', 'umbra');
    await json('team', 'create', 'una-team', '--customer', 'umbra');
    await json('key', 'create', 'ula', '--team', 'una-team');
    const grouped = '--key ula --max 3 --per year --group-by team,customer'.split(' ');
    await json('limit', 'create', 'by-team', ...grouped);
    await json('check', '--key', 'ula', '--model', 'odd/a');
    const { out } = await weir('usage', '--key', 'ula');
    expect(out).toMatch(/key ula +3 +2 +yes +una-team, umbra /);
    const other = await weir('usage', '--key', 'ula', '--group', 'team=blue');
    expect(other.out).toMatch(/key ula +3 +3 +yes +blue, umbra /);
    expect(await weir('usage', '--key', 'ula', '--group', 'teams=blue')).toEqual({
      code: EXIT.USAGE,
      out: '',
      err: 'weir: group["teams"] (--group): no limit of this owner is grouped by that; they are by customer, team\n',
    });
  });
});

describe('weir replay', () => {
  const replay = (...args: readonly string[]) =>
    weir(
      'replay',
      '--trace',
      files.trace,
      '--prices',
      files.prices,
      '--target',
      replica.service.grpcAddress,
      ...args,
    );

  it('sums up to the nano-dollar, over all models and several keys', async () => {
    const { code, out } = await replay('--keys', '4', '--run', 'sums', '--json');
    const report = JSON.parse(out);
    expect(code).toBe(EXIT.OK);
    expect(report).toMatchObject({ calls: 300, admitted: 300, denied: 0, equal: true });
    expect(report.ledger).toEqual(report.file);
    expect(BigInt(report.ledger.amountNanos)).toBeGreaterThan(0n);
    expect(report.latencyMs.check.p50).toBeGreaterThan(0);
  });

  it('changes nothing when it is resumed', async () => {
    const first = JSON.parse((await replay('--run', 'again', '--json')).out);
    const second = JSON.parse((await replay('--run', 'again', '--json')).out);
    expect(second).toMatchObject({ debitsReplayed: 300, equal: true, ledger: first.ledger });
  });

  it('refuses to resume with something else', async () => {
    await replay('--run', 'other', '--keys', '2');
    const { code, err } = await replay('--run', 'other', '--keys', '3');
    expect(code).toBe(EXIT.USAGE);
    expect(err).toContain('Run other was begun with another');
  });

  it('debits only what limits admit, and says why the rest was denied', async () => {
    const limits = join(folder, 'limits.yaml');
    await writeFile(limits, 'limits: [{ max: 10, per: year }]\n');
    const { code, out } = await replay('--keys', '3', '--limits', limits, '--run', 'few', '--json');
    expect(code).toBe(EXIT.OK);
    expect(JSON.parse(out)).toMatchObject({
      admitted: 30,
      deniedByReason: { RATE_LIMITED: 270 },
      ledger: { debits: '30' },
      equal: true,
    });
  });

  it('answers 4 if the ledger holds something else', async () => {
    await replay('--run', 'off');
    const stray = ['--model', 'odd/a', '--input-tokens', '1'];
    await json('debit', '--key', 'replay-off-key-1', ...stray);
    const { code, out } = await replay('--run', 'off');
    expect(code).toBe(EXIT.FAILED);
    expect(out).toContain('THE SUMS DIFFER: the ledger has +143 nano-USD');
  });

  it('keeps the spacing of the trace, faster', async () => {
    const began = performance.now();
    // 300 calls, a second apart in the mean: five minutes, in half a second.
    const { code } = await replay(
      '--run',
      'spaced',
      '--speed',
      '600',
      '--model',
      TRACE_MODELS[0] ?? '',
    );
    expect(code).toBe(EXIT.OK);
    expect(performance.now() - began).toBeGreaterThan(300);
  });
});
