import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { removeFolder } from '../../common/remove-folder.js';
import { checkTrace, parseTraceTime, readTrace } from '../replay/trace-file.js';
import { readPriceFile } from './price-file.js';

const PRICES = 'provider,model,input_pico_usd_per_token,output_pico_usd_per_token';
const TRACE = 'TIMESTAMP,ContextTokens,GeneratedTokens';
const ROW = '2023-11-16 18:15:46.6805900,374,44';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-csv-'));
});

afterAll(() => removeFolder(folder));

async function file(content: string | Buffer): Promise<string> {
  const path = join(folder, 'input.csv');
  await writeFile(path, content);
  return path;
}

describe('a price file', () => {
  it('leaves an empty cached price out', async () => {
    const path = await file(
      `${PRICES},cached_input_pico_usd_per_token\nopenai,gpt-4o,2500000,10000000,1250000\nx,y,1,2,\n`,
    );
    const prices = await readPriceFile(path);
    expect(prices.map((price) => price.cachedInputPicoUsdPerToken)).toEqual([
      1_250_000n,
      undefined,
    ]);
    expect(prices[0]).toMatchObject({ provider: 'openai', outputPicoUsdPerToken: 10_000_000n });
  });

  it('reads Windows line ends, a byte order mark and quoted names', async () => {
    const prices = await readPriceFile(await file(`\uFEFF${PRICES}\r\n"a,b",m,1,2\r\n`));
    expect(prices[0]).toMatchObject({ provider: 'a,b', model: 'm' });
  });

  it.each([
    ['', /is empty/],
    [`${PRICES}\n`, /no prices/],
    ['provider,model\nx,y\n', /line 1: the column input_pico_usd_per_token is missing/],
    [`${PRICES},colour\nx,y,1,2,red\n`, /line 1: the column "colour" is not known/],
    [`${PRICES}\nx,y,1,2\nx,y,1\n`, /line 3: 3 fields instead of 4/],
    [`${PRICES}\nx,y,-1,2\n`, /line 2: input_pico_usd_per_token is "-1"/],
    [`${PRICES}\nx,y,1.5,2\n`, /line 2: input_pico_usd_per_token is "1.5"/],
    [`${PRICES}\nx,y,1,99999999999999999999\n`, /line 2: output_pico_usd_per_token/],
    [`${PRICES}\nx,,1,2\n`, /line 2: model is empty/],
    [`${PRICES}\nx,y,1,2\nx,y,3,4\n`, /line 3: x\/y has a price already, on line 2/],
    [`${PRICES}\nx,"y,1,2\n`, /Quote Not Closed/],
  ])('refuses %j and names the line', async (content, why) => {
    await expect(readPriceFile(await file(content))).rejects.toThrow(why);
  });

  it('refuses a megabyte without a line end', async () => {
    const path = await file(`${PRICES}\n${'x'.repeat(1_000_000)}`);
    await expect(readPriceFile(path)).rejects.toThrow(/[Rr]ecord/);
  });

  it('says that there is no such file', async () => {
    await expect(readPriceFile(join(folder, 'none.csv'))).rejects.toThrow(/ENOENT/);
  });
});

describe('a trace', () => {
  it('reads 100 ns and a last line without an end', async () => {
    const path = await file(`${TRACE}\n${ROW}\n2023-11-16 18:15:50.9951690,396,109`);
    const rows = [];
    for await (const row of readTrace(path)) rows.push(row);
    expect(rows).toHaveLength(2);
    expect(rows[1]).toMatchObject({ row: 1, inputTokens: 396n, outputTokens: 109n });
    expect((rows[1]?.atMs ?? 0) - (rows[0]?.atMs ?? 0)).toBeCloseTo(4_314.579, 3);
    await expect(checkTrace(path)).resolves.toMatchObject({ rows: 2 });
  });

  it.each([
    ['', /is empty/],
    [`${TRACE}\n`, /no calls/],
    [`TIMESTAMP,Tokens\n`, /line 1: the column ContextTokens is missing/],
    [`${TRACE}\n${ROW}\nyesterday,1,2`, /line 3: TIMESTAMP is "yesterday"/],
    [`${TRACE}\n2023-02-30 00:00:00,1,2`, /line 2: TIMESTAMP/],
    [`${TRACE}\n${ROW}\n2023-11-16 18:15:46,1,x`, /line 3: GeneratedTokens is "x"/],
    [`${TRACE}\n2023-11-16 18:15:46,-1,1`, /line 2: ContextTokens is "-1"/],
    [`${TRACE}\n${ROW},9`, /line 2: 4 fields instead of 3/],
  ])('refuses %j and names the line', async (content, why) => {
    await expect(checkTrace(await file(content))).rejects.toThrow(why);
  });

  it('refuses garbage', async () => {
    const garbage = Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0xff, 0xfe, 0x00, 0x22, 0x0a]);
    await expect(checkTrace(await file(garbage))).rejects.toThrow();
  });

  it('knows no leap of a day', () => {
    expect(parseTraceTime('1970-01-01 00:00:00.0000001')).toBeCloseTo(0.0001, 6);
    expect(parseTraceTime('1970-01-01 24:00:00')).toBeUndefined();
  });
});
