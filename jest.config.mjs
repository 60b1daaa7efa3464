const swc = [
  '@swc/jest',
  {
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
      keepClassNames: true,
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  },
];

const project = (displayName, testMatch, extra = {}) => ({
  displayName,
  testMatch,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': swc },
  moduleNameMapper: {
    '^fast-check$': '<rootDir>/test/support/seeded-fast-check.mjs',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  ...extra,
});

/** One real PostgreSQL for the run, shared by the projects that need one. */
const postgres = {
  globalSetup: '<rootDir>/test/support/postgres-global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/postgres-global-teardown.mjs',
};

/** One project per kind of test; `docs/architecture.md` says what belongs where. */
export default {
  projects: [
    project('unit', ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/tidy.spec.ts']),
    project('contract', ['<rootDir>/test/contract/**/*.spec.ts'], postgres),
    project('integration', ['<rootDir>/test/integration/**/*.spec.ts'], postgres),
    project('simulation', ['<rootDir>/test/simulation/**/*.spec.ts']),
    project('interop', ['<rootDir>/test/interop/**/*.spec.ts']),
  ],
  /** Longer than what is waited for in a test: on a slow machine that is what should be told, not that time is over. */
  testTimeout: 300_000,
  /** Most files wait for a database or a peer, so a core is free for the next one. */
  maxWorkers: '100%',
};
