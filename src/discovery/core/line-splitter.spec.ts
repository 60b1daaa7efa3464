import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { LineSplitter, LineTooLongError } from './line-splitter.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('LineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc
      .string({ unit: 'binary', minLength: 1 })
      .map((text) => `x${text.replaceAll('\n', '')}`);
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 7 }), (lines, step) => {
        const whole = bytes(lines.map((text) => `${text}\n`).join(''));
        const splitter = new LineSplitter(10_000);
        const got: string[] = [];
        for (let at = 0; at < whole.length; at += step)
          got.push(...splitter.push(whole.subarray(at, at + step)));
        expect(got).toEqual(lines);
      }),
    );
  });

  it('holds back what has no end yet, and leaves empty lines out', () => {
    const splitter = new LineSplitter(100);
    expect(splitter.push(bytes('\n\n{"a":'))).toEqual([]);
    expect(splitter.push(bytes('1}\n\r\n'))).toEqual(['{"a":1}']);
  });

  it('refuses a line that does not end within the limit, in one piece or in many', () => {
    expect(() => new LineSplitter(4).push(bytes('12345'))).toThrow(LineTooLongError);
    const splitter = new LineSplitter(4);
    splitter.push(bytes('1234'));
    expect(() => splitter.push(bytes('5'))).toThrow('a line is longer than 4 bytes');
  });
});
