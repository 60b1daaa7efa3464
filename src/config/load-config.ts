import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validateSync } from 'class-validator';
import { ConfigError, type ConfigFault, shownValue } from './config-error.js';
import type { ConfigInput, GivenValue } from './config-input.js';
import { configRuleFaults } from './config-rules.js';
import { configSchema, type SchemaEntry } from './config-schema.js';
import { CONFIG_FILE_VARIABLE, type Environment, environmentInput } from './environment-input.js';
import { CONFIG_FILE_BYTES_MAX, fileInput } from './file-input.js';
import type { KnobKind } from './knob.js';
import { kubernetesInput } from './kubernetes-input.js';
import { overrideInput, type Overrides } from './override-input.js';
import { WeirConfig } from './weir-config.js';

/** Where each knob's value comes from: `default`, `weir.yaml:3`, a variable or `command line`. */
export type ConfigSources = ReadonlyMap<string, string>;

export interface LoadedConfig {
  readonly config: WeirConfig;
  readonly sources: ConfigSources;
  /** Curiosities that do not stop the start but belong into the log. */
  readonly warnings: readonly string[];
}

export interface LoadOptions {
  /** From `--config`; wins over `WEIR_CONFIG`. */
  readonly file?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /** Dotted keys and their values, from options of the command line; they win over all else. */
  readonly overrides?: Overrides | undefined;
}

/**
 * The configuration: defaults, then what a pod is told, the file, the environment and the overrides, later ones winning. Throws a
 * {@link ConfigError} with every fault of all of them; a configuration that is returned is valid.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const schema = configSchema();
  const inputs = [
    kubernetesInput(options.env),
    readFile(options),
    environmentInput(options.env, schema),
    overrideInput(options.overrides ?? {}, schema),
  ];
  const given = new Map(
    inputs.flatMap((input) => input.given).map((value) => [value.path.join('.'), value]),
  );
  const faults = [...inputs.flatMap((input) => input.faults), ...valueFaults(given, schema)];
  const valid = [...given].filter(([key]) => !faults.some((fault) => fault.key === key));
  const config = build(valid.map(([, value]) => value));
  // A key whose value was refused is not missing on top of that.
  const told = new Set(faults.map(({ key }) => key));
  for (const fault of configRuleFaults(config, new Set(valid.map(([key]) => key))))
    if (!told.has(fault.key)) faults.push(withSource(fault, given.get(fault.key)));
  if (faults.length > 0) throw new ConfigError(faults);
  return {
    config: deepFreeze(config),
    sources: new Map(schema.map(({ key }) => [key, given.get(key)?.source ?? 'default'])),
    warnings: inputs.flatMap((input) => input.warnings),
  };
}

const DEFAULT_FILE = 'weir.yaml';

function readFile({ file, env, cwd }: LoadOptions): ConfigInput {
  const named = file ?? (env[CONFIG_FILE_VARIABLE] || undefined);
  const path = named === undefined ? join(cwd, DEFAULT_FILE) : resolve(cwd, named);
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found && named === undefined) return { given: [], faults: [], warnings: [] };
    if (!found) return fileFault(path, 'does not exist');
    if (found.size > CONFIG_FILE_BYTES_MAX)
      return fileFault(path, `is longer than ${CONFIG_FILE_BYTES_MAX} bytes`);
    return fileInput(readFileSync(path, 'utf8'), named ?? DEFAULT_FILE);
  } catch (error) {
    return fileFault(path, `cannot be read: ${String(error)}`);
  }
}

const fileFault = (key: string, problem: string): ConfigInput => ({
  given: [],
  faults: [{ key, problem }],
  warnings: [],
});

/** Checks each given value by itself, through the rules on the schema's classes. */
function valueFaults(
  given: ReadonlyMap<string, GivenValue>,
  schema: readonly SchemaEntry[],
): readonly ConfigFault[] {
  const errors = validateSync(build([...given.values()]), { forbidUnknownValues: true });
  return errors
    .flatMap((error) => leafErrors(error, []))
    .map((leaf) => valueFault(leaf, isSecret(schema, leaf.key), given.get(leaf.key)));
}

const SECRET_KINDS: ReadonlySet<KnobKind> = new Set(['secret', 'secretList']);

const isSecret = (schema: readonly SchemaEntry[], key: string): boolean =>
  schema.some((entry) => entry.key === key && SECRET_KINDS.has(entry.knob.kind));

function valueFault(
  { key, error }: LeafError,
  secret: boolean,
  value: GivenValue | undefined,
): ConfigFault {
  return {
    key,
    ...(secret ? {} : { value: shownValue(error.value) }),
    problem: `must be ${Object.values(error.constraints ?? {}).join('; ')}`,
    ...(value === undefined ? {} : { source: value.source }),
  };
}

interface LeafError {
  readonly key: string;
  readonly error: ValidationError;
}

function leafErrors(error: ValidationError, prefix: readonly string[]): LeafError[] {
  const path = [...prefix, error.property];
  const children = error.children ?? [];
  if (children.length > 0) return children.flatMap((child) => leafErrors(child, path));
  return [{ key: path.join('.'), error }];
}

function withSource(fault: ConfigFault, value: GivenValue | undefined): ConfigFault {
  return value === undefined ? fault : { ...fault, source: value.source };
}

/** Defaults come from the classes; what is given is laid over them. */
function build(given: readonly GivenValue[]): WeirConfig {
  const plain: PlainBlock = new Map();
  for (const { path, value } of given) put(plain, path, value);
  return plainToInstance(WeirConfig, toPlain(plain), { exposeDefaultValues: true });
}

type PlainBlock = Map<string, unknown>;

function put(block: PlainBlock, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path;
  if (name === undefined) return;
  if (rest.length === 0) {
    block.set(name, value);
    return;
  }
  const inner = block.get(name);
  const next: PlainBlock = inner instanceof Map ? inner : new Map();
  block.set(name, next);
  put(next, rest, value);
}

function toPlain(block: PlainBlock): Record<string, unknown> {
  return Object.fromEntries(
    [...block].map(([name, value]) => [name, value instanceof Map ? toPlain(value) : value]),
  );
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
