import { describe, expect, it } from '@jest/globals';
import { parsePriceCsv } from './price-csv.js';

const HEADER =
  'provider,model,input_pico_usd_per_token,output_pico_usd_per_token,cached_input_pico_usd_per_token';

describe('a price list in CSV', () => {
  it('may have a mark of byte order, quotes, CRLF, blank lines and no end of line', () => {
    const text = `\uFEFF${HEADER}\r\n\r\n"a, b",m,1,2,3\r\nc,m,4,5,`;
    expect(parsePriceCsv(text)).toMatchObject([
      { provider: 'a, b', inputPicos: 1n },
      { provider: 'c', cachedInputPicos: undefined },
    ]);
  });

  it('tells of faults by the line of the file', () => {
    expect(() => parsePriceCsv(`${HEADER}\n\na,m,1,2\n`)).toThrow('line 3: has 4 cells');
    expect(() => parsePriceCsv('')).toThrow('line 1: lacks the columns');
    expect(() => parsePriceCsv('a;b\n')).toThrow('line 1: lacks the columns');
  });

  it('refuses what is no CSV', () => {
    expect(() => parsePriceCsv(`${HEADER}\n"a,m,1,2,3\n`)).toThrow(/^line \d+: .*[Qq]uote/);
    expect(() => parsePriceCsv(`${HEADER}\n${'x'.repeat(100_000)}\n`)).toThrow(/^line \d+: /);
  });
});
