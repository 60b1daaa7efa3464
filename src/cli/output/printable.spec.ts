import { describe, expect, it } from '@jest/globals';
import { printable } from './printable.js';
import { renderTable } from './table.js';

describe('printable', () => {
  it('shows control characters and turns of direction', () => {
    expect(printable('a\u001b[31mb\u0000\n')).toBe('a\\u{1b}[31mb\\u{0}\\u{a}');
    expect(printable('\u202egnp.exe')).toBe('\\u{202e}gnp.exe');
  });

  it('leaves letters of every script and emoji alone', () => {
    expect(printable('Müller עברית 👩‍👩‍👧')).toBe('Müller עברית 👩‍👩‍👧');
  });
});

describe('renderTable', () => {
  it('is plain columns without colour', () => {
    const columns = [
      { title: 'ID', text: (row: string) => row },
      { title: 'LENGTH', align: 'right' as const, text: (row: string) => `${row.length}` },
    ];
    expect(renderTable(columns, ['a', 'bcd'], { colour: false })).toBe(
      'ID   LENGTH\na         1\nbcd       3\n',
    );
  });
});
