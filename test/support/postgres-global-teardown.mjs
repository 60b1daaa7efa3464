/** Stops what `postgres-global-setup.mjs` has started. */
// oxlint-disable-next-line import/no-default-export -- jest asks for it
export default async function teardown() {
  await globalThis.stopTestServer?.();
}
