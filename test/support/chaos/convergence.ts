import type { Connection } from '../../../src/cli/connection.js';
import { checkOf } from '../declare.js';
import { eventually } from '../eventually.js';

const CALLS_EACH = 10;
const KNOWN_MAX_MS = 60_000;

/**
 * One round: every replica is asked some times at once; then, from the last answer on, how many milliseconds
 * it takes until all of them show the same, which must be all that was admitted.
 */
export async function convergenceMs(
  connections: readonly Connection[],
  keyId: string,
): Promise<number> {
  const [before] = await Promise.all(connections.map((each) => remaining(each, keyId)));
  const calls = connections.flatMap(({ quota }) =>
    Array.from({ length: CALLS_EACH }, () => quota.checkLimit(checkOf(keyId))),
  );
  await Promise.all(calls);
  const answeredAt = performance.now();
  const expected = (before ?? Number.NaN) - calls.length;
  let seen: readonly number[] = [];
  await eventually(
    `all replicas show ${expected} left of ${keyId}`,
    async () => {
      seen = await Promise.all(connections.map((each) => remaining(each, keyId)));
      return seen.every((left) => left === expected);
    },
    KNOWN_MAX_MS,
  ).catch((error: unknown) => {
    throw new Error(`they showed ${seen.join(', ')} at last`, { cause: error });
  });
  return performance.now() - answeredAt;
}

async function remaining({ quota }: Connection, keyId: string): Promise<number> {
  const { statuses } = await quota.checkLimit(checkOf(keyId, { dryRun: true }));
  return Number(statuses[0]?.remaining);
}
