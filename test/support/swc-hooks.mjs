import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';

const OPTIONS = JSON.parse(readFileSync(new URL('./swc-options.json', import.meta.url), 'utf8'));

/** Module hooks that let Node run the sources: `./x.js` may be `./x.ts`, which swc turns into JavaScript. */
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    const mayBeSource = specifier.startsWith('.') && specifier.endsWith('.js');
    if (!mayBeSource) throw error;
    return next(specifier.replace(/\.js$/, '.ts'), context);
  }
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const filename = fileURLToPath(url);
  const { code } = await transform(await readFile(filename, 'utf8'), { ...OPTIONS, filename });
  return { format: 'module', source: code, shortCircuit: true };
}
