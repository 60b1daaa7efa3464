import './run-sources.mjs';
import 'reflect-metadata';

/** Starts one PostgreSQL for the whole run; `createTestDatabase` makes databases in it. */
// oxlint-disable-next-line import/no-default-export -- jest asks for it
export default async function setup() {
  const { startTestServer } = await import('./postgres-server.ts');
  globalThis.stopTestServer = await startTestServer();
}
