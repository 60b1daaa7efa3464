import { describe, expect, it } from '@jest/globals';
import { requireGroup } from './usage-group.js';

const limits = [
  { groupBy: undefined },
  { groupBy: { keys: ['model', 'label:tenant'] } },
  { groupBy: { keys: ['virtual_key', 'model'] } },
];

describe('requireGroup', () => {
  it('takes some or all keys of the limits, with any value, and none', () => {
    requireGroup({}, limits);
    requireGroup({}, []);
    requireGroup({ model: 'gpt-5' }, limits);
    requireGroup({ model: '', 'label:tenant': '(none)', virtual_key: 'ada' }, limits);
  });

  it.each([
    ['a key that groups nothing', 'provider'],
    ['a label without its prefix', 'tenant'],
    ['a label of another name', 'label:tenants'],
    ['what is no key at all', 'colour'],
    ['what every object has', 'constructor'],
  ])('refuses %s, and says what there is', (_, key) => {
    expect(() => requireGroup({ model: 'gpt-5', [key]: 'x' }, limits)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: {
          violations: [
            {
              field: `group["${key}"]`,
              description:
                'no limit of this owner is grouped by that; they are by label:tenant, model, virtual_key',
            },
          ],
        },
      }),
    );
  });

  it('says that nothing is grouped', () => {
    expect(() => requireGroup({ model: 'gpt-5' }, [{ groupBy: undefined }])).toThrow(
      'no limit of this owner is grouped by that; none is',
    );
  });

  it.each([
    ['longer than any value can be', 'é'.repeat(129), /is longer than 256 bytes/],
    ['with a NUL', 'a\0b', /contains a NUL/],
  ])('refuses a value %s', (_, value, words) => {
    expect(() => requireGroup({ model: value }, limits)).toThrow(words);
  });

  it('refuses more keys than a call has labels, in one sentence', () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`label:${i}`, 'x']));
    expect(() => requireGroup(many, limits)).toThrow(/group: has 65 entries; at most 64/);
  });
});
