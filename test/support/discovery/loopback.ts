import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machines } from './lab-bench.js';

/** Addresses that no other process on this machine takes for its own test. */
const NETWORK = `127.${64 + (Math.floor(process.pid / 250) % 128)}.${1 + (process.pid % 250)}`;

/** Three addresses of this machine instead of three machines: enough where a service stands between. */
export function loopbackMachines(): Machines {
  return {
    folder: mkdtempSync(join(tmpdir(), 'weir-loopback-')),
    host: (index) => `${NETWORK}.${21 + index}`,
    on: () => [],
  };
}
