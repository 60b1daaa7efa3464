import type { ConfigFault } from './config-error.js';
import { shownValue } from './config-error.js';
import type { ConfigInput, GivenValue } from './config-input.js';
import type { SchemaEntry } from './config-schema.js';
import { nearestName } from './nearest-name.js';

/**
 * Values by dotted key, from options of the command line; they win over file and environment. Text is read as in an
 * environment variable: `--set` has nothing else.
 */
export type Overrides = Readonly<Record<string, unknown>>;

export const OVERRIDE_SOURCE = 'command line';

export function overrideInput(overrides: Overrides, schema: readonly SchemaEntry[]): ConfigInput {
  const entries = new Map(schema.map((entry) => [entry.key, entry]));
  const given: GivenValue[] = [];
  const faults: ConfigFault[] = [];
  for (const [key, value] of Object.entries(overrides)) {
    const entry = entries.get(key);
    if (value === undefined) continue;
    if (entry) given.push({ path: entry.path, value: read(value, entry), source: OVERRIDE_SOURCE });
    else faults.push(unknownKey(key, value, [...entries.keys()]));
  }
  return { given, faults, warnings: [] };
}

const read = (value: unknown, { knob }: SchemaEntry): unknown =>
  typeof value === 'string' ? knob.parse(value) : value;

function unknownKey(key: string, value: unknown, known: readonly string[]): ConfigFault {
  const near = nearestName(key, known);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return {
    key,
    value: shownValue(value),
    problem: `is no setting${hint}`,
    source: OVERRIDE_SOURCE,
  };
}
