import { describe, expect, it } from '@jest/globals';
import { OwnerKind } from '../../gen/weir/v1/common.js';
import { splitModel } from './call-target.js';
import { collect, collectGroup, collectLabel } from './lists.js';
import { integerBetween, parseCount } from './numbers.js';
import { ownerOf } from './owner.js';

describe('lists of names', () => {
  it('takes commas and repetition', () => {
    expect(collect('c', collect('a, b'))).toEqual(['a', 'b', 'c']);
    expect(() => collect('a,,b')).toThrow(/empty name/);
  });

  it('takes labels, with "=" in the value', () => {
    expect(collectLabel('q=a=b', collectLabel('env=prod'))).toEqual({ env: 'prod', q: 'a=b' });
    expect(() => collectLabel('env')).toThrow(/NAME=VALUE/);
    expect(() => collectLabel('env=x', { env: 'y' })).toThrow(/twice/);
  });

  it('takes keys of a group, and their values', () => {
    const group = { 'label:user': 'ada', model: '' };
    expect(collectGroup('model=', collectGroup('label:user=ada'))).toEqual(group);
    expect(() => collectGroup('=gpt-5')).toThrow(/KEY=VALUE/);
    expect(() => collectGroup('model=a', { model: 'b' })).toThrow(/The key model is given twice/);
  });
});

describe('numbers', () => {
  it('keeps to 64 bits', () => {
    expect(parseCount('9223372036854775807')).toBe(2n ** 63n - 1n);
    expect(() => parseCount('9223372036854775808')).toThrow(/largest/);
    for (const text of ['-1', '1.5', '1e3', '', '1_000']) expect(() => parseCount(text)).toThrow();
  });

  it('keeps to the bounds of an option', () => {
    expect(integerBetween(1, 31)('31')).toBe(31);
    expect(() => integerBetween(1, 31)('32')).toThrow('from 1 to 31');
  });
});

describe('owners', () => {
  it('takes exactly one', () => {
    expect(ownerOf({ root: true })).toEqual({ kind: OwnerKind.OWNER_KIND_ROOT, id: '' });
    expect(ownerOf({ key: 'a' })).toEqual({ kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id: 'a' });
    expect(ownerOf({})).toBeUndefined();
    expect(() => ownerOf({ key: 'a', team: 'b' })).toThrow(/one owner only/);
  });
});

describe('models', () => {
  it('splits at the first slash', () => {
    expect(splitModel('openrouter/meta/llama', '--model')).toEqual({
      provider: 'openrouter',
      model: 'meta/llama',
    });
    for (const text of ['gpt-4o', '/gpt-4o', 'openai/', '']) {
      expect(() => splitModel(text, '--model')).toThrow(/PROVIDER\/MODEL/);
    }
  });
});
