import { configSchema } from './config-schema.js';
import type { ConfigSources } from './load-config.js';
import { Secret } from './secret.js';
import type { WeirConfig } from './weir-config.js';

/** One line of `weir config check`. */
export interface DescribedKnob {
  readonly key: string;
  /** As YAML would have it; `<redacted>` for a secret; empty where nothing is set. */
  readonly value: string;
  /** `default`, `weir.yaml:3` or the name of a variable. */
  readonly source: string;
}

/** The effective configuration, fit for eyes and logs: a secret shows only that it is set. */
export function describeConfig(
  config: WeirConfig,
  sources: ConfigSources,
): readonly DescribedKnob[] {
  return configSchema().map(({ key, path }) => ({
    key,
    value: shown(valueAt(config, path)),
    source: sources.get(key) ?? 'default',
  }));
}

function valueAt(config: WeirConfig, path: readonly string[]): unknown {
  let value: unknown = config;
  for (const name of path)
    value = new Map<string, unknown>(Object.entries(Object(value))).get(name);
  return value;
}

function shown(value: unknown): string {
  if (value === undefined) return '';
  if (value instanceof Secret) return value.toString();
  return typeof value === 'string' ? value : JSON.stringify(value);
}
