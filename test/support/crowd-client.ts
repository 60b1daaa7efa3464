/**
 * One of several processes that all want the same money at once. Reads a line of JSON for each run,
 * `{ addresses, keyId, name, holds }`, and answers with the keys of the holds that were allowed, and how many
 * calls were not answered.
 */
import { createInterface } from 'node:readline';
import { Decision, QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { createClient } from '../../src/rpc/grpc-client.js';
import { checkOf } from './declare.js';

export interface CrowdRun {
  readonly addresses: readonly string[];
  readonly keyId: string;
  readonly name: string;
  readonly holds: number;
}

const clients = new Map<string, ReturnType<typeof connect>>();

function connect(address: string) {
  return createClient(QuotaServiceService, 'weir.v1.QuotaService', address);
}

function clientOf(address: string) {
  const client = clients.get(address) ?? connect(address);
  clients.set(address, client);
  return client;
}

export interface CrowdAnswer {
  readonly allowed: readonly string[];
  readonly failed: number;
}

async function run({ addresses, keyId, name, holds }: CrowdRun): Promise<CrowdAnswer> {
  const allowed: string[] = [];
  let failed = 0;
  const hold = async (i: number): Promise<void> => {
    const quota = clientOf(addresses[i % addresses.length] ?? '');
    const reservationKey = `${process.pid}/${name}/${i}`;
    // No hold may end while the crowd is still coming, however slow the machine is.
    const reserveTtl = { seconds: 3_600n, nanos: 0 };
    const check = checkOf(keyId, { reservationKey, amountNanos: 1n, reserveTtl });
    const { decision } = await quota.checkLimit(check, { deadlineMs: 60_000 });
    if (decision === Decision.DECISION_ALLOW) allowed.push(reservationKey);
  };
  const isFailed = (): void => void (failed += 1);
  await Promise.all(Array.from({ length: holds }, (_, i) => hold(i).catch(isFailed)));
  return { allowed, failed };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as CrowdRun))}\n`);
}
for (const client of clients.values()) client.close();
