import { readFileSync } from 'node:fs';

/** From package.json, which lies two folders above both `src/config` and `dist/config`. */
export const VERSION: string = readVersion();

function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const named = typeof found === 'object' && found !== null && 'version' in found;
  return named && typeof found.version === 'string' ? found.version : 'unknown';
}
