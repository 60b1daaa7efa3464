import { describe, expect, it } from '@jest/globals';
import { parseCounterName } from './counter-name.js';

describe('parseCounterName', () => {
  it.each([
    ['lim_1/3', { groupValues: [], isOverflow: false }],
    ['lim_1/3/gpt-4o', { groupValues: ['gpt-4o'], isOverflow: false }],
    ['lim_1/3/a/b\0\nc', { groupValues: ['a/b', '\nc'], isOverflow: false }],
    ['lim_1/3/', { groupValues: [''], isOverflow: false }],
    ['lim_1/3\0overflow', { groupValues: [], isOverflow: true }],
    ['lim_1/3/\0overflow', { groupValues: ['', 'overflow'], isOverflow: false }],
  ])('reads %j', (name, rest) => {
    expect(parseCounterName(name)).toEqual({ limitId: 'lim_1', generation: 3, ...rest });
  });

  it.each(['', 'lim_1', '/3', 'lim_1/x', 'lim_1/3x'])('does not take %j for one', (name) => {
    expect(parseCounterName(name)).toBeUndefined();
  });
});
