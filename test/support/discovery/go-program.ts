import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Programs that come through the Go module proxy; each folder has nothing but what they require. */
const PACKAGES = {
  etcd: 'go.etcd.io/etcd/server/v3',
  helm: 'helm.sh/helm/v3/cmd/helm',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
} as const;

export type GoProgram = keyof typeof PACKAGES;

const SOURCES = fileURLToPath(new URL('../../interop/discovery/servers/', import.meta.url));

/** Built once for each set of requirements, and kept outside of the tree, where a fresh clone finds it. */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'weir-interop');

/** The path of the program; builds it if need be, which takes minutes. */
export function goProgram(name: GoProgram): string {
  const program = programPath(name);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  const flags = ['-trimpath', '-ldflags=-s -w', '-o', unfinished, PACKAGES[name]];
  execFileSync('go', ['build', ...flags], { cwd: SOURCES + name, stdio: 'pipe' });
  renameSync(unfinished, program);
  return program;
}

function programPath(name: GoProgram): string {
  const requirements = readFileSync(`${SOURCES}${name}/go.sum`);
  const hash = createHash('sha256').update(requirements).digest('hex').slice(0, 12);
  return join(CACHE, `${name}-${hash}`);
}
