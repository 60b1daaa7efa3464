import { register } from 'node:module';

/** `node --import ./test/support/run-sources.mjs file.ts` runs a source file as it is. */
register('./swc-hooks.mjs', import.meta.url);
