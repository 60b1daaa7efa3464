/**
 * One of several processes that all want the same money at once. Reads a line of JSON for each run,
 * `{ addresses, keyId, run, holds }`, and answers with how many of its holds were allowed.
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

async function run({ addresses, keyId, name, holds }: CrowdRun): Promise<number> {
  const answers = await Promise.all(
    Array.from({ length: holds }, (_, i) => {
      const address = addresses[i % addresses.length] ?? '';
      const reservationKey = `${process.pid}/${name}/${i}`;
      return clientOf(address).checkLimit(checkOf(keyId, { reservationKey, amountNanos: 1n }));
    }),
  );
  return answers.filter(({ decision }) => decision === Decision.DECISION_ALLOW).length;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${await run(JSON.parse(line) as CrowdRun)}\n`);
}
for (const client of clients.values()) client.close();
