import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { removeFolder } from '../../common/remove-folder.js';
import { independentSum } from './independent-sum.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-sum-'));
});

afterAll(() => removeFolder(folder));

async function files(rows: readonly string[], prices: readonly string[]) {
  const trace = join(folder, 'trace.csv');
  const priceFile = join(folder, 'prices.csv');
  await writeFile(trace, ['TIMESTAMP,ContextTokens,GeneratedTokens', ...rows].join('\n'));
  const header = 'provider,model,input_pico_usd_per_token,output_pico_usd_per_token';
  await writeFile(priceFile, [header, ...prices, ''].join('\n'));
  return { trace, prices: priceFile };
}

const T = '2023-11-16 18:15:46.6805900';
const all = (): boolean => true;

describe('independentSum', () => {
  it('rounds half up, once a row', async () => {
    const one = await files([`${T},7,0`], ['p,m,142857,0']);
    expect(independentSum({ ...one, models: ['p/m'], keys: 1, counts: all }).amountNanos).toBe(
      1_000n,
    );
    const seven = await files(
      Array.from({ length: 7 }, () => `${T},1,0`),
      ['p,m,142857,0'],
    );
    expect(independentSum({ ...seven, models: ['p/m'], keys: 1, counts: all })).toEqual({
      rows: 7,
      inputTokens: 7n,
      outputTokens: 0n,
      amountNanos: 1_001n,
    });
  });

  it('takes exactly half up, and less down', async () => {
    const half = await files([`${T},1,0`, `${T},0,1`], ['p,m,500,499']);
    expect(independentSum({ ...half, models: ['p/m'], keys: 1, counts: all }).amountNanos).toBe(1n);
  });

  it('gives models turns with each round of keys', async () => {
    const six = await files(
      Array.from({ length: 6 }, () => `${T},1,0`),
      ['p,a,1000,0', 'p,b,100000,0'],
    );
    const request = { ...six, models: ['p/a', 'p/b'], keys: 2, counts: all };
    expect(independentSum(request).amountNanos).toBe(4n + 200n);
  });

  it('counts only the rows it is told to', async () => {
    const three = await files([`${T},1,0`, `${T},10,0`, `${T},100,0`], ['p,m,1000,0']);
    const request = { ...three, models: ['p/m'], keys: 1, counts: (row: number) => row !== 1 };
    expect(independentSum(request)).toMatchObject({ rows: 2, amountNanos: 101n });
  });

  it('stays exact beyond 2^53', async () => {
    const big = await files([`${T},999999999999,0`], ['p,m,9223372036854775807,0']);
    const request = { ...big, models: ['p/m'], keys: 1, counts: all };
    expect(independentSum(request).amountNanos).toBe(9_223_372_036_845_552_434_963_145_224n);
  });

  it('shares nothing with the rest of the program', async () => {
    const source = await readFile(new URL('./independent-sum.ts', import.meta.url), 'utf8');
    const imports = [...source.matchAll(/from '([^']+)'/g)].map(([, from]) => from);
    expect(imports).toEqual(['node:fs']);
  });
});
