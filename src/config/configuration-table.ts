import { configSchema, type SchemaEntry } from './config-schema.js';

/** The table of all knobs in `docs/configuration.md`, between its two markers. */
export function configurationTable(): string {
  const header = ['Key', 'Variable', 'Unit or values', 'Default', 'Effect'];
  const rows = configSchema().map(rowOf);
  return [header, header.map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

function rowOf({ key, variable, knob, defaultValue }: SchemaEntry): string[] {
  const { aliases = [], effect } = knob.meaning;
  const also = aliases.length === 0 ? '' : ` Also known as ${aliases.map(code).join(', ')}.`;
  return [
    code(key),
    code(variable),
    knob.kind === 'integer' || knob.kind === 'choice' ? bare(knob.expected) : knob.meaning.unit,
    defaultValue === undefined ? 'none' : code(shownDefault(defaultValue)),
    `${effect}${also}${knob.kind.startsWith('secret') ? ' Never shown.' : ''}`,
  ];
}

const shownDefault = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
const code = (text: string): string => `\`${text}\``;
const bare = (expected: string): string => expected.replace(/^(a whole number from|one of) /, '');
