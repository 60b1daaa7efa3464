import Table from 'cli-table3';
import type { TextSink } from '../io.js';
import { printable } from './printable.js';

export interface Column<T> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  readonly text: (row: T) => string;
}

/** A table without frame: two spaces between columns, so that `awk` and a person can both read it. */
const FRAMELESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

export function renderTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: { readonly colour: boolean },
): string {
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: FRAMELESS,
    style: {
      head: options.colour ? ['bold'] : [],
      border: [],
      'padding-left': 0,
      'padding-right': 0,
    },
  });
  for (const row of rows) table.push(columns.map(({ text }) => printable(text(row))));
  return `${trimLines(table.toString())}\n`;
}

/** Name and value below each other, for one object. */
export function renderFacts(facts: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, text]) => `${name.padEnd(width)}  ${printable(text)}\n`).join('');
}

/** Colour only where a person sees it, and has not declined it (https://no-color.org). */
export function wantsColour(sink: TextSink, env: NodeJS.ProcessEnv): boolean {
  return sink.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

const trimLines = (text: string): string => text.replace(/[ \t]+$/gm, '');
