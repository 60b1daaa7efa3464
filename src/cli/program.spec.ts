import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { Duration } from '../gen/google/protobuf/duration.js';
import { BadRequest, RetryInfo, Status } from '../gen/google/rpc/status.js';
import {
  GovernanceServiceService,
  type GetLimitRequest,
  type UpdateLimitRequest,
} from '../gen/weir/v1/governance_service.js';
import {
  type CheckLimitRequest,
  Decision,
  DenyReason,
  QuotaServiceService,
} from '../gen/weir/v1/quota_service.js';
import { Unit } from '../gen/weir/v1/common.js';
import { COMMANDS } from './commands.js';
import { EXIT, type ExitCode } from './exit-code.js';
import type { CliIo } from './io.js';
import { limit } from './json/policy-messages.js';
import { runCli } from './program.js';

interface Run {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

async function weir(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input = '',
): Promise<Run> {
  const written = { out: '', err: '' };
  const io: CliIo = {
    stdout: { write: (text) => (written.out += text) },
    stderr: { write: (text) => (written.err += text) },
    stdin: Readable.from([Buffer.from(input)]),
    env,
    stopRequested: () => new Promise(() => undefined),
  };
  const code = await runCli(args, io);
  return { code, ...written };
}

/** A service that answers what its request names: a subject, a model or an id decides. */
const updates: UpdateLimitRequest[] = [];
let server: Server;
let target: string;

beforeAll(async () => {
  server = new Server();
  server.addService(QuotaServiceService, {
    ...unused(['batchCheckLimit', 'debitBudget', 'batchDebitBudget', 'getUsage']),
    checkLimit: (
      call: { request: CheckLimitRequest },
      callback: (error: object | null, answer?: object) => void,
    ) => {
      const { model } = call.request;
      if (model === 'bad') return callback(violation('labels["x"]', 'too long'));
      if (model === 'busy') return callback(busy());
      const deny = model === 'none';
      return callback(null, {
        decision: deny ? Decision.DECISION_DENY : Decision.DECISION_ALLOW,
        reason: deny ? DenyReason.DENY_REASON_RATE_LIMITED : DenyReason.DENY_REASON_UNSPECIFIED,
        bindingPolicyId: '',
        retryAfter: deny ? { seconds: 2n, nanos: 500_000_000 } : undefined,
        statuses: [],
        affordableNanos: 9_007_199_254_740_993n,
        virtualKeyId: '',
        reservationId: '',
        reservationExpiresAt: undefined,
        replayed: false,
        unheld: false,
        freshness: undefined,
      });
    },
  });
  server.addService(GovernanceServiceService, {
    ...unused(Object.keys(GovernanceServiceService)),
    getCustomer: (_call: unknown, callback: (error: object) => void) =>
      callback({ code: status.NOT_FOUND, details: 'there is no customer "x"' }),
    getLimit: (
      { request: { id } }: { request: GetLimitRequest },
      callback: (error: null, answer: object) => void,
    ) => {
      const unit = id === 'money' ? Unit.UNIT_NANO_USD : Unit.UNIT_REQUESTS;
      callback(null, { limit: { ...limit.blank(), id, unit } });
    },
    updateLimit: (
      call: { request: UpdateLimitRequest },
      callback: (error: null, answer: object) => void,
    ) => {
      updates.push(call.request);
      callback(null, { limit: call.request.limit, counterRestarted: true });
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  target = `127.0.0.1:${port}`;
});

afterAll(() => server.forceShutdown());

const unused = (names: readonly string[]) =>
  Object.fromEntries(
    names.map((name) => [
      name,
      (_call: unknown, callback: (error: object) => void) =>
        callback({ code: status.UNIMPLEMENTED, details: 'not here' }),
    ]),
  );

function violation(field: string, description: string) {
  const badRequest = BadRequest.encode({ fieldViolations: [{ field, description }] }).finish();
  return withDetails(status.INVALID_ARGUMENT, 'google.rpc.BadRequest', badRequest);
}

function busy() {
  const retryDelay: Duration = { seconds: 1n, nanos: 0 };
  return withDetails(
    status.RESOURCE_EXHAUSTED,
    'google.rpc.RetryInfo',
    RetryInfo.encode({ retryDelay }).finish(),
  );
}

function withDetails(code: status, type: string, value: Uint8Array) {
  const metadata = new Metadata();
  const detail = { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value) };
  const bytes = Status.encode({ code, message: 'no', details: [detail] }).finish();
  metadata.set('grpc-status-details-bin', Buffer.from(bytes));
  return { code, details: 'no', metadata };
}

describe('weir --help', () => {
  it('teaches exit codes, environment and first steps', async () => {
    const { code, out, err } = await weir(['--help']);
    expect(code).toBe(EXIT.OK);
    expect(err).toBe('');
    for (const text of ['Exit codes:', 'WEIR_TARGET', 'weir quickstart', 'First steps']) {
      expect(out).toContain(text);
    }
  });

  it.each(COMMANDS.map(({ name, summary, examples }) => ({ name, summary, examples })))(
    'lists $name, and `weir $name --help` shows its examples',
    async ({ name, summary, examples }) => {
      const list = (await weir(['--help'])).out.replace(/\s+/g, ' ');
      expect(list).toContain(summary);
      const { code, out } = await weir([name, '--help']);
      expect(code).toBe(EXIT.OK);
      expect(examples.length).toBeGreaterThan(0);
      for (const { run } of examples) expect(out).toContain(run);
    },
  );

  it.each(['customer', 'team', 'key', 'limit', 'budget', 'price'])(
    '%s has create, get, list, update and delete, each with --json and --target',
    async (name) => {
      for (const verb of ['create', 'get', 'list', 'update', 'delete']) {
        const { code, out } = await weir([name, verb, '--help']);
        expect(code).toBe(EXIT.OK);
        expect(out).toContain('--json');
        expect(out).toContain('--target');
      }
    },
  );

  it('shows each subcommand only its own examples', async () => {
    const { out } = await weir(['key', 'rotate', '--help']);
    expect(out).toContain('weir key rotate ada');
    expect(out).not.toContain('weir key create');
  });

  it('is the answer to no command at all, and to a group alone', async () => {
    expect(await weir([])).toMatchObject({ code: EXIT.OK });
    const group = await weir(['key']);
    expect(group.code).toBe(EXIT.USAGE);
    expect(group.err).toContain('rotate');
  });

  it('has a version', async () => {
    expect((await weir(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('bad usage', () => {
  it.each([
    [['limt'], /Did you mean limit/],
    [['check', '--bogus'], /--bogus/],
    [['check', '--key', 'a', '--secret', 'b'], /--key ID or --secret/],
    [['check', '--model', 'gpt-4o'], /PROVIDER\/MODEL/],
    [['check', '--amount', '0.0000000001'], /--amount.*9 decimals/],
    [['check', '--target', 'nowhere'], /--target.*HOST:PORT/],
    [['check', '--timeout', '0s'], /--timeout/],
    [['debit', '--key', 'a'], /--amount USD/],
    [['usage'], /Whose usage/],
    [['usage', '--key', 'a', '--group', 'gpt-5'], /--group.*KEY=VALUE/],
    [['limit', 'create', '--key', 'a', '--max', '5'], /--per is missing/],
    [['limit', 'create', '--key', 'a', '--per', '1m'], /--max is missing/],
    [['limit', 'create', '--key', 'a', '--rate', '10/s'], /--max is missing/],
    [['limit', 'create', '--key', 'a', '--max', '5', '--rate', '10'], /--rate.*10\/s/],
    [['limit', 'create', '--key', 'a', '--max', '5', '--burst', '5', '--per', '1m'], /not both/],
    [
      ['limit', 'create', '--key', 'a', '--max', '5', '--per', '1m', '--hold', '30s'],
      /one of --per/,
    ],
    [['limit', 'create', '--key', 'a', '--max', '5', '--per', '1m', '--unit', 'usd'], /5.00usd/],
    [['limit', 'create', '--key', 'a', '--max', '5usd', '--rate', '1/s'], /5.00usd/],
    [
      ['limit', 'create', '--root', '--max', '5usd', '--per', '1m', '--unit', 'tokens'],
      /no --unit/,
    ],
    [['limit', 'create', '--root', '--max', '5', '--unit', 'apples'], /requests, tokens, usd/],
    [['limit', 'create', '--root', '--max', '5', '--groups-max', '0'], /--groups-max.*from 1/],
    [['limit', 'create', '--root', '--max', '5', '--on-unavailable', 'ask'], /deny, allow/],
    [['limit', 'create', '--root', '--max', '5', '--algorithm', 'leaky'], /sliding, fixed, bucket/],
    [['limit', 'create', '--max', '5', '--per', '1m'], /Whose limit/],
    [['limit', 'create', '--key', 'a', '--max', '5', '--per', '1M'], /--per.*`month`/],
    [
      ['limit', 'create', '--root', '--max', '5', '--per', 'day', '--time-zone', 'Mars'],
      /--time-zone.*IANA/,
    ],
    [['budget', 'create', '--key', 'a', '--per', 'month'], /--budget is missing/],
    [
      ['budget', 'create', '--key', 'a', '--budget', '-1', '--per', 'month'],
      /--budget.*never negative/,
    ],
    [
      ['budget', 'create', '--root', '--budget', '1', '--per', 'day', '--anchor', '2026-08-03'],
      /--anchor needs/,
    ],
    [['budget', 'update', 'a', '--on-expiry', 'charge'], /release, charge-floor, charge-estimate/],
    [['budget', 'update', 'a', '--on-unpriced', 'maybe'], /deny, allow/],
    [['budget', 'update', 'a', '--thresholds', '50,x'], /50,80,100/],
    [['budget', 'update', 'a', '--carry-max', '-1'], /never negative/],
    [['grant', 'create', 'b', '--for', '7d', '--reason', 'r', '--actor', 'a'], /--amount/],
    [['grant', 'create', 'b', '--amount', '1', '--reason', 'r', '--actor', 'a'], /--until/],
    [['grant', 'create', 'b', '--amount', '1', '--for', '7d', '--actor', 'a'], /--reason/],
    [['grant', 'create', 'b', '--amount', '1', '--for', '7d', '--reason', 'r'], /--actor/],
    [['limit', 'update', 'a'], /Nothing to change/],
    [['customer', 'get'], /missing required argument 'id'/],
    [['price', 'import', '/nowhere/prices.csv'], /no file \/nowhere\/prices.csv/],
    [['replay', '--trace', 'a'], /--prices/],
    [['replay', '--trace', 'a', '--prices', '/nowhere/p.csv'], /no file/],
    [['config', 'check', '--config', '/nowhere/weir.yaml'], /nowhere/],
  ])('%j answers 2 and names the fix', async (args, why) => {
    const { code, out, err } = await weir(args);
    expect(code).toBe(EXIT.USAGE);
    expect(err).toMatch(why);
    expect(out).toBe('');
  });

  it('says what is wrong with WEIR_TARGET', async () => {
    const { code, err } = await weir(['check'], { WEIR_TARGET: 'host' });
    expect(code).toBe(EXIT.USAGE);
    expect(err).toContain('WEIR_TARGET is "host"');
  });

  it('is JSON for programs', async () => {
    const { err } = await weir(['check', '--json', '--bogus']);
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
  });

  it('refuses unknown fields of a document', async () => {
    const { code, err } = await weir(['limit', 'create', '--from', '-'], {}, '{"maxx": 1}');
    expect(code).toBe(EXIT.USAGE);
    expect(err).toContain('maxx: is not a field');
  });
});

describe('a service', () => {
  it('that allows answers 0', async () => {
    const { code, out } = await weir(['check', '--model', 'p/m', '--target', target]);
    expect(code).toBe(EXIT.OK);
    expect(out).toContain('ALLOWED');
  });

  it('that denies answers 1, with the reason and the wait', async () => {
    const { code, out } = await weir(['check', '--model', 'p/none'], { WEIR_TARGET: target });
    expect(code).toBe(EXIT.DENIED);
    expect(out).toMatch(/DENIED: RATE_LIMITED.*retry after 2.5s/);
  });

  it('is quoted as proto3 JSON', async () => {
    const { out } = await weir(['check', '--model', 'p/none', '--target', target, '--json']);
    expect(JSON.parse(out)).toEqual({
      decision: 'DECISION_DENY',
      reason: 'DENY_REASON_RATE_LIMITED',
      bindingPolicyId: '',
      retryAfter: '2.5s',
      statuses: [],
      affordableNanos: '9007199254740993',
      virtualKeyId: '',
      reservationId: '',
      replayed: false,
      unheld: false,
    });
  });

  it('that refuses a field answers 2 and names the option', async () => {
    const { code, err } = await weir(['check', '--model', 'p/bad', '--target', target]);
    expect(code).toBe(EXIT.USAGE);
    expect(err).toContain('labels["x"] (--label): too long');
  });

  it('that does not know an id answers 2', async () => {
    const { code, err } = await weir(['customer', 'get', 'x', '--target', target]);
    expect(code).toBe(EXIT.USAGE);
    expect(err).toContain('NOT_FOUND: there is no customer "x"');
  });

  it('that sheds load answers 3, with the wait', async () => {
    const args = ['check', '--model', 'p/busy', '--target', target, '--json'];
    const { code, err } = await weir(args);
    expect(code).toBe(EXIT.UNAVAILABLE);
    expect(JSON.parse(err)).toMatchObject({
      error: { code: 'RESOURCE_EXHAUSTED', retryAfter: '1s' },
    });
  });

  it('that is not there answers 3, with what to do', async () => {
    const { code, err } = await weir(['check', '--target', '127.0.0.1:1', '--timeout', '5s']);
    expect(code).toBe(EXIT.UNAVAILABLE);
    expect(err).toMatch(/No service answers at 127.0.0.1:1: connect ECONNREFUSED.*\n.*weir serve/);
  });

  it('that is not Weir answers 4', async () => {
    const { code } = await weir(['usage', '--root', '--target', target]);
    expect(code).toBe(EXIT.FAILED);
  });
});

describe('an update', () => {
  it('names exactly what the options give', async () => {
    updates.length = 0;
    const args = ['limit', 'update', 'l', '--max', '0', '--no-shadow', '--on-model', 'a,b'];
    const { code, out } = await weir([...args, '--target', target]);
    expect(code).toBe(EXIT.OK);
    expect(updates[0]?.updateMask).toEqual(['maximum', 'shadow', 'match.models']);
    expect(updates[0]?.limit).toMatchObject({ id: 'l', maximum: 0n, shadow: false });
    expect(out).toContain('does not carry over');
  });

  it('of the rule of a limit names all that follows from it', async () => {
    updates.length = 0;
    await weir(['limit', 'update', 'l', '--rate', '10/s', '--burst', '20', '--target', target]);
    await weir(['limit', 'update', 'l', '--hold', '30s', '--target', target]);
    await weir(['limit', 'update', 'l', '--max', '0.50usd', '--no-group-by', '--target', target]);
    expect(updates.map(({ updateMask }) => updateMask)).toEqual([
      ['refill', 'maximum', 'algorithm'],
      ['hold', 'algorithm'],
      ['maximum', 'unit', 'group_by'],
    ]);
    expect(updates[2]?.limit).toMatchObject({ maximum: 500_000_000n, groupBy: [] });
  });

  it('of a limit of money does not take a bare number for nano-USD', async () => {
    updates.length = 0;
    const { code, err } = await weir([
      'limit',
      'update',
      'money',
      '--max',
      '5',
      '--target',
      target,
    ]);
    expect(code).toBe(EXIT.USAGE);
    expect(err).toMatch(/counts US dollars: .*--max 5.00usd/);
    expect(updates).toEqual([]);
  });

  it('names the window by its kind', async () => {
    updates.length = 0;
    await weir(['limit', 'update', 'l', '--per', 'day', '--target', target]);
    await weir(['limit', 'update', 'l', '--per', '90s', '--target', target]);
    expect(updates.map(({ updateMask }) => updateMask)).toEqual([['calendar'], ['duration']]);
  });
});
