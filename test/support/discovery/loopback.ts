import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownHost } from '../own-host.js';
import type { Machines } from './lab-bench.js';

/** Three addresses of this machine instead of three machines: enough where a service stands between. */
export function loopbackMachines(): Machines {
  return {
    folder: mkdtempSync(join(tmpdir(), 'weir-loopback-')),
    host: (index) => ownHost(21 + index),
    on: () => [],
  };
}
