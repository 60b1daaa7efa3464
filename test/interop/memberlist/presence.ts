import { execFileSync } from 'node:child_process';

/**
 * Whether a program is there that a test needs. Where it is not, the test is left out and says so; in
 * CI, which installs what it needs, that is a failure: nobody reads what was skipped there.
 */
export function isPresent(what: string, found: boolean, howToGet: string): boolean {
  if (found) return true;
  const lack = `${what} is missing: ${howToGet}`;
  if (process.env['CI'] === 'true') throw new Error(lack);
  process.stderr.write(`SKIPPED: ${lack}\n`);
  return false;
}

export function runs(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
