import { describe, expect, it } from '@jest/globals';
import { keyDraft } from '../../../test/contract/policy-store-records.js';
import { validateCustomer, validateTeam, validateVirtualKey } from './validate-owners.js';
import type { Checked } from './violations.js';

const fieldsOf = (checked: Checked<unknown>): string[] =>
  checked.kind === 'valid' ? [] : checked.violations.map(({ field }) => field);

describe('the rules for names', () => {
  const check = (name: string) => validateCustomer({ id: '', name }, 'customer');

  it.each([
    ['plain', 'Acme'],
    ['right to left', 'شركة الأمثلة'],
    ['emoji', '🦊🏽‍🚀 squad'],
    ['200 characters', 'x'.repeat(200)],
    ['200 emoji', '🦊'.repeat(200)],
    ['what looks like SQL', `'; DROP TABLE customers; --`],
  ])('take %s', (_, name) => {
    expect(check(name)).toEqual({ kind: 'valid', value: { name } });
  });

  it.each([
    ['nothing', ''],
    ['blanks', '  \t '],
    ['201 characters', 'x'.repeat(201)],
    ['201 emoji', '🦊'.repeat(201)],
    ['a megabyte', 'x'.repeat(1_048_576)],
    ['NUL', 'a\0b'],
    ['a line feed', 'a\nb'],
    ['an escape sequence', '\u001B[31mred'],
    ['a C1 control', 'a\u0085b'],
    ['half of a surrogate pair', 'a\uD83Eb'],
  ])('refuse %s', (_, name) => {
    const checked = check(name);
    expect(fieldsOf(checked)).toEqual(['customer.name']);
    expect(JSON.stringify(checked).length).toBeLessThan(400);
  });
});

describe('the rules for owners', () => {
  it('take a team without a customer', () => {
    expect(validateTeam({ id: '', name: 'Search', customerId: '' }, 'team')).toEqual({
      kind: 'valid',
      value: { name: 'Search', customerId: undefined },
    });
  });

  it.each(['a b', 'é', 'x'.repeat(65), 'a/b', 'a\0'])('refuse the id %j', (customerId) => {
    const checked = validateTeam({ id: '', name: 'Search', customerId }, 'team');
    expect(fieldsOf(checked)).toEqual(['team.customer_id']);
  });

  it('keep the difference between any name and no name', () => {
    const lists = { allowedProviders: undefined, allowedModels: [] };
    expect(validateVirtualKey(keyDraft(lists), 'virtual_key')).toMatchObject({ value: lists });
  });

  it('name every fault of a key at once', () => {
    const draft = keyDraft({
      name: '',
      teamId: '?',
      customerId: '?',
      expiresAtMs: 0.5,
      allowedProviders: ['open*ai'],
      allowedModels: ['', 'x'.repeat(257), 'gpt\0'],
    });
    expect(fieldsOf(validateVirtualKey(draft, 'virtual_key'))).toEqual([
      'virtual_key.name',
      'virtual_key.team_id',
      'virtual_key.customer_id',
      'virtual_key.expires_at',
      'virtual_key.allowed_providers.names[0]',
      'virtual_key.allowed_models.names[0]',
      'virtual_key.allowed_models.names[1]',
      'virtual_key.allowed_models.names[2]',
    ]);
  });

  it.each([-1, Number.NaN, 253_402_300_800_000, Number.POSITIVE_INFINITY])(
    'refuse the time %d',
    (expiresAtMs) => {
      const checked = validateVirtualKey(keyDraft({ expiresAtMs }), 'virtual_key');
      expect(fieldsOf(checked)).toEqual(['virtual_key.expires_at']);
    },
  );
});
