/** The rules of the house that are not about one file: they are checked here, in a second, by everyone. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readConfigureGlobal } from 'fast-check';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { WeirConfig } from '../src/config/weir-config.js';

const root = process.cwd();

/** Which module may import which. Arrows run one way; `health` and `telemetry` read, nobody imports them. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  common: [],
  gen: [],
  config: ['common'],
  rpc: ['common', 'config', 'gen'],
  storage: ['common', 'config'],
  cluster: ['common', 'config', 'discovery', 'gen', 'gossip', 'rpc'],
  counters: ['cluster', 'common', 'config', 'storage'],
  governance: ['cluster', 'common', 'config', 'gen', 'rpc', 'storage'],
  budgets: ['common', 'config', 'gen', 'rpc', 'storage'],
  discovery: ['common', 'config', 'gen'],
  gossip: ['common', 'discovery'],
  quota: ['budgets', 'cluster', 'common', 'config', 'counters', 'gen', 'governance', 'rpc'],
  health: ['common', 'config', 'budgets', 'cluster', 'discovery', 'governance', 'storage'],
};

/** The rim of the rim: these put everything together and are imported by nothing but tests. */
const UNBOUND = ['telemetry', 'cli', 'bench'];

/** `storage` lists the entities and migrations of all modules in these two files; that is their purpose. */
const LISTS = ['src/storage/entities.ts', 'src/storage/migrations.ts'];

const sources = filesBelow('src').filter((file) => file.endsWith('.ts'));
const documents = [
  ...filesBelow('docs').filter((file) => file.endsWith('.md')),
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'charts/weir/README.md',
];

describe('properties', () => {
  it('draw the same cases in every run', () => {
    expect(readConfigureGlobal()).toEqual({ seed: expect.any(Number) });
  });
});

describe('the tree', () => {
  it('has nothing at the top that the layout does not know', () => {
    const known = new Set(
      `.ci .dockerignore .git .gitignore .oxlintrc.json .prettierignore .prettierrc CHANGELOG.md
      CONTRIBUTING.md Dockerfile LICENSE README.md buf.gen.yaml buf.yaml charts docs jest.config.mjs
      knip.json nest-cli.json package-lock.json package.json proto src test tsconfig.build.json
      tsconfig.json node_modules dist coverage .weir`.split(/\s+/),
    );
    expect(readdirSync(root).filter((name) => !known.has(name))).toEqual([]);
  });

  it('has no folder for leftovers', () => {
    const leftovers = /\/(utils?|helpers?|shared|services|misc|lib)(\/|\.ts$)/;
    expect(sources.filter((file) => leftovers.test(file))).toEqual([]);
  });

  it('names every file in kebab-case', () => {
    const kebab = /^[a-z0-9]+([-.][a-z0-9]+)*\.ts$/;
    const names = sources.filter((file) => !file.startsWith('src/gen/'));
    expect(names.filter((file) => !kebab.test(file.split('/').at(-1) ?? ''))).toEqual([]);
  });
});

describe('the image', () => {
  it('passes the lint of its Dockerfile', () => {
    expect(validate(read('Dockerfile'))).toEqual([]);
  });

  it('is built in stages, on the long-term release, and does not run as root', () => {
    const dockerfile = read('Dockerfile');
    expect(dockerfile.match(/^FROM node:24/gm)?.length).toBe(2);
    expect(dockerfile).toMatch(/^USER (?!root|0)/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK /m);
  });
});

describe('the chart', () => {
  const values = parse(read('charts/weir/values.yaml')) as ChartValues;

  it('has the version of the package', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(parse(read('charts/weir/Chart.yaml'))).toMatchObject({ version, appVersion: version });
  });

  it('lists every value, and no other', () => {
    const schema = JSON.parse(read('charts/weir/values.schema.json')) as { properties: object };
    const names = Object.keys(schema.properties).filter((name) => name !== 'global');
    expect(Object.keys(values).sort()).toEqual(names.sort());
  });

  it('agrees with the settings where it repeats their defaults', () => {
    const { grpc, http, shutdown, storage } = new WeirConfig();
    const { service, weir } = values;
    expect([service.grpcPort, service.httpPort]).toEqual([grpc.port, http.port]);
    expect(weir.shutdown.graceMs).toBe(shutdown.graceMs);
    const { port, user, database, sslMode } = storage.postgres;
    expect(values.storage.postgresql.external).toMatchObject({ port, user, database, sslMode });
  });
});

describe('imports', () => {
  it('follow the arrows between the modules', () => {
    const wrong = sources
      .filter((file) => !file.endsWith('.spec.ts') && !LISTS.includes(file))
      .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
      .filter(({ file, target }) => !isAllowed(moduleOf(file), moduleOf(target)))
      .map(({ file, target }) => `${file} -> ${target}`);
    expect(wrong).toEqual([]);
  });

  it('never leave src for tests', () => {
    const wrong = sources
      .filter((file) => !file.endsWith('.spec.ts'))
      .filter((file) => importsOf(file).some((target) => target.startsWith('test/')));
    expect(wrong).toEqual([]);
  });
});

describe('documents', () => {
  it('link to files that exist', () => {
    const broken = documents.flatMap((file) =>
      linksOf(file)
        .filter((link) => !existsSync(resolve(dirname(file), link)))
        .map((link) => `${file} -> ${link}`),
    );
    expect(broken).toEqual([]);
  });

  it('name tests that there are for what is promised', () => {
    const rows = [...read('docs/consistency.md').matchAll(/`(test\/[^`]+\.spec\.ts)`: "([^"]+)"/g)];
    expect(rows.length).toBeGreaterThan(15);
    const missing = rows.filter(([, file = '', name = '']) => !read(file).includes(name));
    expect(missing.map(([row]) => row)).toEqual([]);
  });

  it('keep the README to one sitting', () => {
    expect(read('README.md').split('\n').length).toBeLessThanOrEqual(150);
  });

  it('number every decision once, and index it', () => {
    const records = readdirSync('docs/adr').filter((name) => /^\d{4}-.*\.md$/.test(name));
    const numbers = records.map((name) => name.slice(0, 4));
    expect(new Set(numbers).size).toBe(numbers.length);
    const index = read('docs/architecture.md');
    expect(records.filter((name) => !index.includes(name))).toEqual([]);
  });

  it('lead through every module of the tree', () => {
    const tour = read('docs/architecture.md');
    const modules = readdirSync('src').filter((name) => statSync(join('src', name)).isDirectory());
    expect(modules.filter((name) => !tour.includes(`src/${name}/`))).toEqual([]);
  });

  it('mention only files of the tree in the tour', () => {
    const named = [...read('docs/architecture.md').matchAll(/`((?:src|test|proto)\/[\w./-]+)`/g)];
    const paths = named.map((match) => match[1] ?? '');
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });

  it('say of every dependency what it is for', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const page = read('docs/dependencies.md');
    const names = [...Object.keys(dependencies), ...Object.keys(devDependencies)];
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

interface ChartValues {
  readonly service: { readonly grpcPort: number; readonly httpPort: number };
  readonly weir: { readonly shutdown: { readonly graceMs: number } };
  readonly storage: { readonly postgresql: { readonly external: object } };
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

function read(file: string): string {
  return readFileSync(file, 'utf8');
}

function importsOf(file: string): string[] {
  const specifiers = [...read(file).matchAll(/^(?:import|export)[^;]*?from\s+'(\.[^']+)'/gms)];
  return specifiers.map((match) =>
    relative(root, resolve(dirname(file), match[1] ?? '')).replace(/\.js$/, '.ts'),
  );
}

/** The folder below `src`; files that lie in `src` itself put the modules together. */
function moduleOf(file: string): string | undefined {
  const [top, module, ...rest] = file.split('/');
  return top === 'src' && rest.length > 0 ? module : undefined;
}

function isAllowed(from: string | undefined, to: string | undefined): boolean {
  if (from === undefined || UNBOUND.includes(from) || from === to) return true;
  return to !== undefined && (ARROWS[from] ?? []).includes(to);
}

function linksOf(file: string): string[] {
  const links = [...read(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(
    (match) => match[1] ?? '',
  );
  return links.filter((link) => !/^[a-z]+:/.test(link));
}
