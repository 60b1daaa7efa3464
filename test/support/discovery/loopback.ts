import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machines } from './lab-bench.js';

/** Three addresses of this machine instead of three machines: enough where a service stands between. */
export function loopbackMachines(): Machines {
  return {
    folder: mkdtempSync(join(tmpdir(), 'weir-loopback-')),
    host: (index) => `127.0.0.${21 + index}`,
    on: () => [],
  };
}
