import { describe, expect, it } from '@jest/globals';
import { parsePriceRows, type TextRow } from './price-rows.js';

const HEADER =
  'provider,model,input_pico_usd_per_token,output_pico_usd_per_token,cached_input_pico_usd_per_token';

const rows = (...lines: string[]): TextRow[] =>
  lines.map((text, i) => ({ line: i + 1, cells: text.split(',') }));

const faults = (...lines: string[]): string[] => {
  const checked = parsePriceRows(rows(...lines));
  return checked.kind === 'valid'
    ? []
    : checked.violations.map((v) => `${v.field}: ${v.description}`);
};

describe('rows of prices', () => {
  it('become prices; an empty amount is absent', () => {
    expect(parsePriceRows(rows(HEADER, 'openai,gpt-5,1,2,3', 'mistral,large,4,5,'))).toEqual({
      kind: 'valid',
      value: [
        {
          id: '',
          provider: 'openai',
          model: 'gpt-5',
          inputPicos: 1n,
          outputPicos: 2n,
          cachedInputPicos: 3n,
          reasoningPicos: undefined,
        },
        expect.objectContaining({ model: 'large', cachedInputPicos: undefined }),
      ],
    });
  });

  it('may have their columns in any order, and one more', () => {
    const header =
      'model,reasoning_pico_usd_per_token,provider,cached_input_pico_usd_per_token,output_pico_usd_per_token,input_pico_usd_per_token';
    expect(parsePriceRows(rows(header, 'gpt-5,9,openai,3,2,1'))).toMatchObject({
      value: [{ provider: 'openai', model: 'gpt-5', inputPicos: 1n, reasoningPicos: 9n }],
    });
  });

  it('may be none', () => {
    expect(parsePriceRows(rows(HEADER))).toEqual({ kind: 'valid', value: [] });
  });

  it('must have the columns, and tell of all that is wrong with them', () => {
    expect(faults('provider,model,model,price', 'openai,gpt-5,x,1')).toEqual([
      'line 1: lacks the columns input_pico_usd_per_token, output_pico_usd_per_token, cached_input_pico_usd_per_token',
      expect.stringContaining('line 1: has unknown columns: "price"; known are provider, model'),
      'line 1: has columns twice: "model"',
    ]);
    expect(parsePriceRows([])).toMatchObject({ kind: 'invalid' });
  });

  it('tell of every fault with its line', () => {
    expect(
      faults(
        HEADER,
        'openai,gpt-5,1,2,3',
        'openai,gpt-6,-1,2.5,x',
        ',gpt-7,,2,3',
        'openai,gpt-8,1,2',
        'openai,gpt-5,1,2,3',
        'openai,gpt-9,9223372036854775808,2,3',
        'openai,gpt-*,1e6,2,3',
      ),
    ).toEqual([
      'line 3.output_pico_usd_per_token: must be an integer of pico-USD, but is "2.5"',
      'line 3.cached_input_pico_usd_per_token: must be an integer of pico-USD, but is "x"',
      'line 3.input_pico_usd_per_token: must be from 0 to 9223372036854775807, but is -1',
      'line 4.input_pico_usd_per_token: must be an integer of pico-USD, but is empty',
      'line 4.provider: must not be empty',
      'line 5: has 4 cells, but there are 5 columns',
      'line 6: "openai/gpt-5" is on line 2 too',
      'line 7.input_pico_usd_per_token: must be from 0 to 9223372036854775807, but is 9223372036854775808',
      'line 8.input_pico_usd_per_token: must be an integer of pico-USD, but is "1e6"',
      'line 8.model: must name one, but "gpt-*" has a "*"; a price holds for one model',
    ]);
  });
});
