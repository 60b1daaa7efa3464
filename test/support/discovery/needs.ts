import { execFileSync } from 'node:child_process';
import { describe } from '@jest/globals';
import { NetworkLab } from './network-lab.js';

export interface Needs {
  /** Programs that others wrote. */
  readonly programs: readonly string[];
  /** The right to make network namespaces. */
  readonly namespaces?: boolean;
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs the tests if their needs are met. In CI a need that is not met is a failure; elsewhere the tests
 * are skipped, and the name of the skipped group says why.
 */
export function describeWith(needs: Needs, name: string, tests: () => void): void {
  const missing = needs.programs.filter((program) => !isInstalled(program));
  if (needs.namespaces === true && !NetworkLab.isPossible()) missing.push('network namespaces');
  if (missing.length === 0 || process.env['CI'] === 'true') describe(name, tests);
  else describe.skip(`${name} (NOT RUN: missing ${missing.join(', ')})`, tests);
}
