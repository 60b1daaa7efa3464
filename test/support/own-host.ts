import { once } from 'node:events';
import { createServer } from 'node:net';

/** Loopback addresses that no other process on this machine takes for its own test. */
const NETWORK = `127.${64 + (Math.floor(process.pid / 250) % 128)}.${1 + (process.pid % 250)}`;

export const ownHost = (number = 1): string => `${NETWORK}.${number}`;

/**
 * Ports of such an address that are free, all different. They stay free: what the system gives to others who ask for any
 * port is on their addresses, also while a test has taken away whoever listens here.
 */
export async function freePorts(count: number, host = ownHost()): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, host);
    await once(server, 'listening');
    const address = server.address();
    ports.push(typeof address === 'object' ? (address?.port ?? 0) : 0);
  }
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
