import { type BlockClass, blockMembers, type Knob } from './knob.js';
import { WeirConfig } from './weir-config.js';

/** One knob with its place in the tree. */
export interface SchemaEntry {
  /** Dotted path, as in weir.yaml: `storage.postgres.passwordFile`. */
  readonly key: string;
  readonly path: readonly string[];
  /** `WEIR_STORAGE_POSTGRES_PASSWORD_FILE`. */
  readonly variable: string;
  /** Variables of the knob's other names. */
  readonly aliasVariables: readonly string[];
  readonly knob: Knob;
  /** Undefined: optional, without a default. */
  readonly defaultValue: unknown;
}

/** Every knob, in the order of the documentation. */
export function configSchema(): readonly SchemaEntry[] {
  return entriesOf(WeirConfig, []);
}

/**
 * The one rule for variables: the path in upper snake case, joined with `_`. Its inverse is a look-up
 * in the schema, not a parse, so words and levels need not be told apart.
 */
export function variableName(path: readonly string[]): string {
  const words = path.map((name) => name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2'));
  return `WEIR_${words.join('_').toUpperCase()}`;
}

function entriesOf(type: BlockClass, prefix: readonly string[]): SchemaEntry[] {
  const defaults = new Map(Object.entries(new type()));
  return [...blockMembers(type)].flatMap(([name, member]) => {
    const path = [...prefix, name];
    if (member.kind === 'block') return entriesOf(member.type, path);
    const aliases = member.knob.meaning.aliases ?? [];
    return [
      {
        key: path.join('.'),
        path,
        variable: variableName(path),
        aliasVariables: aliases.map((alias) => variableName([...prefix, alias])),
        knob: member.knob,
        defaultValue: defaults.get(name),
      },
    ];
  });
}
