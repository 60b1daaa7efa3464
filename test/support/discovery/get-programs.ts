/**
 * Gets the programs that the tests of discovery meet before they run side by side, so that none gets
 * them twice: `node --import ./test/support/run-sources.mjs get-programs.ts etcd consul`. What cannot be got here is
 * told; the tests that need it say the same.
 */
import { debianConsul } from './debian-consul.js';
import { goProgram } from './go-program.js';

const GETTERS: Readonly<Record<string, () => string>> = {
  etcd: () => goProgram('etcd'),
  consul: debianConsul,
  helm: () => goProgram('helm'),
  'kube-apiserver': () => goProgram('kube-apiserver'),
};

for (const name of process.argv.slice(2)) {
  const startedMs = performance.now();
  try {
    const program = GETTERS[name]?.() ?? 'nobody knows it';
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    process.stdout.write(`${name}: ${program} (${seconds} s)\n`);
  } catch (error) {
    process.stdout.write(`${name} cannot be got here: ${String(error)}\n`);
  }
}
