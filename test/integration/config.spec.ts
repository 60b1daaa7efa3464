import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Test } from '@nestjs/testing';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import { ConfigError, formatFaults } from '../../src/config/config-error.js';
import { configSchema } from '../../src/config/config-schema.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { configurationTable } from '../../src/config/configuration-table.js';
import { describeConfig } from '../../src/config/describe-config.js';
import { loadConfig } from '../../src/config/load-config.js';
import { WeirConfig } from '../../src/config/weir-config.js';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'weir config '));
});

afterEach(() => {
  removeFolderSync(cwd);
});

const writeYaml = (text: string): void => writeFileSync(join(cwd, 'weir.yaml'), text);

function faultsOf(yaml: string, env: Record<string, string> = {}): string[] {
  writeYaml(yaml);
  try {
    loadConfig({ env, cwd });
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.faults.map(({ key, value, problem }) => `${key}=${value ?? ''}: ${problem}`);
    }
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('gives the defaults when nothing is configured', () => {
    const { config, sources, warnings } = loadConfig({ env: {}, cwd });
    expect(config.grpc.port).toBe(50_051);
    expect(config.grpc.host).toBe('127.0.0.1');
    expect(config.storage.postgres.url).toBeUndefined();
    expect(config.storage.embedded.dataDir).toBe('.weir/postgres');
    expect(config.governance.virtualKeyMandatory).toBe(false);
    expect(new Set(sources.values())).toEqual(new Set(['default']));
    expect(warnings).toEqual([]);
  });

  it('lets the file win over defaults and the environment over the file', () => {
    writeYaml('grpc:\n  port: 1111\nhttp:\n  port: 2222\n');
    const { config, sources } = loadConfig({ env: { WEIR_GRPC_PORT: '3333' }, cwd });
    expect([config.grpc.port, config.http.port]).toEqual([3333, 2222]);
    expect(config.grpc.maxMessageBytes).toBe(4_194_304);
    expect(sources.get('grpc.port')).toBe('WEIR_GRPC_PORT');
    expect(sources.get('http.port')).toBe('weir.yaml:4');
  });

  it('reads the file that the option names, then the one of WEIR_CONFIG', () => {
    writeFileSync(join(cwd, 'a.yaml'), 'grpc: { port: 1 }');
    writeFileSync(join(cwd, 'b.yaml'), 'grpc: { port: 2 }');
    const env = { WEIR_CONFIG: 'b.yaml' };
    expect(loadConfig({ env, cwd }).config.grpc.port).toBe(2);
    expect(loadConfig({ env, cwd, file: 'a.yaml' }).config.grpc.port).toBe(1);
  });

  it('lets overrides win, and refuses those that are wrong', () => {
    const env = { WEIR_GRPC_PORT: '1' };
    const { config, sources } = loadConfig({ env, cwd, overrides: { 'grpc.port': 2 } });
    expect([config.grpc.port, sources.get('grpc.port')]).toEqual([2, 'command line']);
    expect(() => loadConfig({ env, cwd, overrides: { 'grpc.port': -2, nothing: 1 } })).toThrow(
      /nothing = 1 \(command line\): is no setting\n.*grpc\.port = -2 \(command line\)/,
    );
  });

  it('reads the text of an override as its setting asks', () => {
    const overrides = { 'grpc.port': '0', 'overload.shed': 'false', 'cluster.peers': 'a:1, b:2' };
    const { config } = loadConfig({ env: {}, cwd, overrides });
    expect([config.grpc.port, config.overload.shed]).toEqual([0, false]);
    expect(config.cluster.peers).toEqual(['a:1', 'b:2']);
    const wrong = { 'grpc.port': '1x', 'overload.shed': 'no', 'http.port': '' };
    for (const [key, value] of Object.entries(wrong))
      expect(() => loadConfig({ env: {}, cwd, overrides: { [key]: value } })).toThrow(
        new RegExp(`${key} = .*${value}.* \\(command line\\): must be `),
      );
  });

  it('refuses a named file that is missing, a folder, or not YAML', () => {
    expect(() => loadConfig({ env: {}, cwd, file: 'none.yaml' })).toThrow(
      /none\.yaml: does not exist/,
    );
    expect(() => loadConfig({ env: {}, cwd, file: '.' })).toThrow(/EISDIR/);
    expect(faultsOf('grpc: [')).toEqual([
      expect.stringMatching(/^weir\.yaml:1=: is not valid YAML/),
    ]);
    expect(faultsOf('grpc: {}\ngrpc: {}')).toEqual([expect.stringMatching(/must be unique/)]);
    expect(faultsOf('- 1')).toEqual([expect.stringMatching(/must be a block of settings: grpc, /)]);
  });

  it('reads an empty file and empty blocks as nothing', () => {
    expect(faultsOf('')).toEqual([]);
    expect(faultsOf('grpc:\nstorage:\n  postgres:\n')).toEqual([]);
  });

  it('lists every fault of every source at once', () => {
    const faults = faultsOf(
      `
grpc: { port: 70000, hots: 127.0.0.1 }
log: { level: loud }
clusters: { enabled: true }
storage:
  postgres: { poolSize: many, sslMode: verify }
shutdown: { graceMs: }
`,
      {
        WEIR_HTTP_PORT: '-1',
        WEIR_HTTP_PROT: '1',
        WEIR_API_ALLOW_UNAUTHENTICATED_REMOTE_ACCESS: 'yes',
      },
    );
    const expected = [
      'WEIR_HTTP_PROT="1": is not a setting; did you mean WEIR_HTTP_PORT?',
      'api.allowUnauthenticatedRemoteAccess="yes": must be true or false',
      'clusters=: is not a setting; did you mean cluster? Allowed here: grpc, http, api, log, storage, governance, debits, journal, counters, cluster, overload, shutdown',
      'grpc.hots=: is not a setting; did you mean host? Allowed here: host, port, maxMessageBytes, maxConcurrentStreams, maxSessionMemoryMegabytes',
      'grpc.port=70000: must be a whole number from 0 to 65535 (TCP port)',
      'http.port=-1: must be a whole number from 0 to 65535 (TCP port)',
      'log.level="loud": must be one of trace, debug, info, warn, error, fatal, silent',
      'shutdown.graceMs=: has no value: remove the key, or give a whole number from 0 to 3600000 (milliseconds)',
      'storage.postgres.poolSize="many": must be a whole number from 2 to 200 (connections)',
      'storage.postgres.sslMode="verify": must be one of disable, prefer, require, verify-ca, verify-full',
    ];
    expect(faults.toSorted()).toEqual(expected.toSorted());
  });

  it.each([
    ['grpc: { port: 50051.5 }', 'grpc.port=50051.5'],
    ['grpc: { port: "50051" }', 'grpc.port="50051"'],
    ['grpc: { port: .nan }', 'grpc.port=null'],
    ['grpc: { port: [1] }', 'grpc.port=[1]'],
    ['grpc: { port: { a: 1 } }', 'grpc.port={"a":1}'],
    ['grpc: { host: "http://127.0.0.1" }', 'grpc.host="http://127.0.0.1"'],
    ['grpc: { host: "127.0.0.1:80" }', 'grpc.host="127.0.0.1:80"'],
    ['grpc: { host: "a\\0b" }', 'grpc.host="a\\u0000b"'],
    ['storage: { embedded: { dataDir: "a\\nb" } }', 'storage.embedded.dataDir="a\\nb"'],
    ['storage: { embedded: { dataDir: 7 } }', 'storage.embedded.dataDir=7'],
    ['debits: { keyRetentionDays: 0 }', 'debits.keyRetentionDays=0'],
    ['grpc: 5', 'grpc='],
    ['__proto__: { a: 1 }', '__proto__='],
    ['constructor: { a: 1 }', 'constructor='],
    ['grpc: { port: *nothing }', 'grpc.port='],
  ])('refuses %s', (yaml, start) => {
    expect(faultsOf(yaml)).toEqual([expect.stringContaining(start)]);
  });

  it('cuts a long value short', () => {
    const [fault] = faultsOf(`log: { level: ${'x'.repeat(100_000)} }`);
    expect(fault?.length).toBeLessThan(300);
  });

  it('refuses an address that others reach, and says what to set', () => {
    expect(faultsOf('grpc: { host: 0.0.0.0 }\nhttp: { host: "::" }')).toEqual([
      expect.stringMatching(
        /^grpc\.host="0\.0\.0\.0": can be reached.*allowUnauthenticatedRemoteAccess: true/,
      ),
      expect.stringMatching(/^http\.host="::"/),
    ]);
    const env = { WEIR_API_ALLOW_UNAUTHENTICATED_REMOTE_ACCESS: 'true' };
    expect(faultsOf('grpc: { host: 0.0.0.0 }', env)).toEqual([]);
    expect(faultsOf('grpc: { host: "::1" }\nhttp: { host: localhost }')).toEqual([]);
  });

  it('knows the mandatory key by both of its names, once', () => {
    writeYaml('governance: { isVkMandatory: true }');
    expect(loadConfig({ env: {}, cwd }).config.governance.virtualKeyMandatory).toBe(true);
    const env = { WEIR_GOVERNANCE_IS_VK_MANDATORY: 'false' };
    expect(loadConfig({ env, cwd }).config.governance.virtualKeyMandatory).toBe(false);
    expect(faultsOf('governance: { isVkMandatory: true, virtualKeyMandatory: true }')).toEqual([
      'governance.virtualKeyMandatory=: is the same setting as isVkMandatory: keep one',
    ]);
    const both = { ...env, WEIR_GOVERNANCE_VIRTUAL_KEY_MANDATORY: 'true' };
    expect(faultsOf('', both)).toHaveLength(1);
  });

  it('refuses settings of a database that exclude each other or do nothing', () => {
    const url = 'postgres://u@h/d';
    expect(faultsOf(`storage: { postgres: { url: "${url}", host: h, user: u } }`)).toEqual([
      'storage.postgres.host=: cannot be set together with storage.postgres.url: keep one',
      'storage.postgres.user=: cannot be set together with storage.postgres.url: keep one',
    ]);
    expect(
      faultsOf('storage: { postgres: { host: h, password: p, passwordFile: f } }'),
    ).toHaveLength(1);
    expect(faultsOf('storage: { postgres: { user: weir } }')).toEqual([
      expect.stringMatching(/^storage\.postgres\.user=: has no effect on the embedded database/),
    ]);
    expect(faultsOf('storage: { postgres: { poolSize: 5 } }')).toEqual([]);
  });

  it.each([
    ['mysql://h/d', /must look like postgres:/],
    ['postgres://u:p%zz@h/d', /percent-encode/],
    ['postgres://u@h/d?sslmode=maybe', /unknown sslmode; allowed are disable/],
    ['postgres://u@h/d?foo=1', /has the parameter foo/],
  ])('refuses the database URL %s', (url, problem) => {
    expect(faultsOf(`storage: { postgres: { url: "${url}" } }`)).toEqual([
      expect.stringMatching(problem),
    ]);
  });

  it('leaves alone what the command line reads for itself', () => {
    const env = { WEIR_TARGET: '127.0.0.1:50051', WEIR_KEY_SECRET: 'wk_x' };
    expect(loadConfig({ env, cwd }).warnings).toEqual([]);
  });

  it('ignores what Kubernetes says about a Service of the same name', () => {
    const { config, warnings } = loadConfig({
      env: {
        WEIR_SERVICE_HOST: '10.0.0.1',
        WEIR_SERVICE_PORT: '50051',
        WEIR_SERVICE_PORT_GRPC: '50051',
        WEIR_PORT: 'tcp://10.0.0.1:50051',
        WEIR_PORT_50051_TCP: 'tcp://10.0.0.1:50051',
        WEIR_PORT_50051_TCP_ADDR: '10.0.0.1',
        WEIR_GRPC_PORT: 'tcp://10.0.0.1:50051',
        WEIR_GRPC_SERVICE_PORT: '50051',
      },
      cwd,
    });
    expect(config.grpc.port).toBe(50_051);
    expect(warnings).toEqual([
      expect.stringMatching(/^WEIR_GRPC_PORT holds a Kubernetes service link/),
    ]);
  });

  it('reads an empty variable as not set', () => {
    expect(
      loadConfig({ env: { WEIR_GRPC_PORT: '', WEIR_NOTHING: '' }, cwd }).config.grpc.port,
    ).toBe(50_051);
  });

  it('cannot be changed afterwards', () => {
    const { config } = loadConfig({ env: {}, cwd });
    expect(() => Object.assign(config.grpc, { port: 1 })).toThrow(TypeError);
  });
});

describe('secrets', () => {
  const hidden = 'hunter2-hunter2';

  it('are not shown by the description, JSON, the inspector or a template', () => {
    const env = {
      WEIR_STORAGE_POSTGRES_URL: `postgres://weir:${hidden}@db:5432/weir`,
    };
    const { config, sources } = loadConfig({ env, cwd });
    const { url } = config.storage.postgres;
    expect(url?.reveal()).toContain(hidden);
    const shown = [
      JSON.stringify(describeConfig(config, sources)),
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      String(url),
    ];
    for (const text of shown) expect(text).not.toContain(hidden);
    expect(shown[0]).toContain('<redacted>');
  });

  it.each<[string, Record<string, string>]>([
    [`storage: { postgres: { host: h, password: [${hidden}] } }`, {}],
    [`storage: { postgres: { host: h, pasword: ${hidden} } }`, {}],
    [`storage: { postgres: { url: "http://u:${hidden}@h" } }`, {}],
    [`storage: { postgres: { url: "postgres://u:${hidden}%@h" } }`, {}],
    [`storage: { postgres: { url: "postgres://u:${hidden}@h/d", password: ${hidden} } }`, {}],
    ['', { WEIR_STORAGE_POSTGRES_PASWORD: hidden }],
    ['', { WEIR_STORAGE_POSTGRES_PASSWORD: hidden }],
    ['', { WEIR_STORAGE_POSTGRES_HOST: 'h', WEIR_STORAGE_POSTGRES_PASSWORD: `${hidden}\u0001` }],
  ])('are not shown by the faults of %s %j', (yaml, env) => {
    const faults = faultsOf(yaml, env);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join('\n')).not.toContain(hidden);
  });
});

describe('the schema', () => {
  it('gives every knob its own variable, unit and effect, and a default that it accepts', () => {
    const entries = configSchema();
    const variables = entries.flatMap((entry) => [entry.variable, ...entry.aliasVariables]);
    expect(new Set(variables).size).toBe(variables.length);
    expect(variables).toContain('WEIR_STORAGE_POSTGRES_PASSWORD_FILE');
    for (const { key, knob, defaultValue } of entries) {
      expect([key, knob.meaning.effect]).toEqual([key, expect.stringMatching(/\.$/)]);
      expect(knob.meaning.unit).not.toBe('');
      if (defaultValue !== undefined)
        expect([key, knob.accepts(defaultValue)]).toEqual([key, true]);
    }
  });

  it('is the table in docs/configuration.md', () => {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const [, table] = /<!-- knobs -->\n+([^]*?)\n+<!-- \/knobs -->/.exec(page) ?? [];
    expect(cellsOf(table ?? '')).toEqual(cellsOf(configurationTable()));
  });
});

/** Cells without their padding, which the formatter decides. */
const cellsOf = (table: string): string[][] =>
  table
    .split('\n')
    .filter((line) => !line.startsWith('| -'))
    .map((line) => line.split(' | ').map((cell) => cell.replaceAll(/^\||\|$/g, '').trim()));

describe('formatFaults', () => {
  it('names key, value, place and problem on one line each', () => {
    const text = formatFaults([
      { key: 'a.b', value: '1', problem: 'must be 2', source: 'weir.yaml:1' },
      { key: 'WEIR_X', problem: 'is not a setting', source: 'WEIR_X' },
    ]);
    expect(text).toBe(
      'The configuration has 2 faults:\n  a.b = 1 (weir.yaml:1): must be 2\n  WEIR_X: is not a setting',
    );
  });
});

describe('ConfigModule', () => {
  it('provides the configuration by its class', async () => {
    const { config } = loadConfig({ env: {}, cwd });
    const module = await Test.createTestingModule({
      imports: [ConfigModule.with(config)],
    }).compile();
    expect(module.get(WeirConfig)).toBe(config);
    await module.close();
  });
});
