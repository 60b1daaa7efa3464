import { execFileSync } from 'node:child_process';
import type { Machine } from '../process-cluster.js';

/** Nobody has it, so nobody gets what is sent there. */
const NOBODY = '02:00:00:00:00:99';

/** Nothing that a machine sends to that address arrives, and what comes from there finds no way back. */
export function isolate(machine: Machine, address: string): void {
  neighbour(machine, ['replace', address, 'lladdr', NOBODY, 'nud', 'permanent']);
}

export function mend(machine: Machine, address: string): void {
  neighbour(machine, ['del', address]);
}

function neighbour({ wrapper }: Machine, change: readonly string[]): void {
  const [file, ...args] = [...wrapper, 'ip', 'neigh', ...change, 'dev', 'eth0'];
  execFileSync(file, args, { stdio: 'pipe' });
}
