import type { ConfigFault } from './config-error.js';
import { shownValue } from './config-error.js';
import type { ConfigInput, GivenValue } from './config-input.js';
import type { SchemaEntry } from './config-schema.js';
import { nearestName } from './nearest-name.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the file rather than a knob. */
export const CONFIG_FILE_VARIABLE = 'WEIR_CONFIG';

/** What the command line reads for itself: the service and the key that it speaks for. */
const CLI_VARIABLES = new Set(['WEIR_TARGET', 'WEIR_KEY_SECRET']);

/**
 * What Kubernetes puts into every pod beside a Service called `weir` or `weir-...`. They were not
 * written by the operator, so they are no faults.
 */
const SERVICE_LINK =
  /_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?$/;
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\/.+:\d+$/;

/** Reads the `WEIR_` variables. An empty one counts as not set. */
export function environmentInput(env: Environment, schema: readonly SchemaEntry[]): ConfigInput {
  const given = new Map<string, GivenValue>();
  const faults: ConfigFault[] = [];
  const warnings: string[] = [];
  const entries = entriesByVariable(schema);
  for (const [variable, text] of Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!variable.startsWith('WEIR_') || isNoSetting(variable) || !text) continue;
    const entry = entries.get(variable);
    if (isServiceLink(variable, text)) {
      if (entry) warnings.push(serviceLinkWarning(variable));
    } else if (!entry) {
      faults.push(unknownVariable(variable, text, [...entries.keys()]));
    } else if (given.has(entry.key)) {
      faults.push({
        key: variable,
        problem: `is the same setting as ${entry.variable}: set one of them`,
      });
    } else {
      given.set(entry.key, { path: entry.path, value: entry.knob.parse(text), source: variable });
    }
  }
  return { given: [...given.values()], faults, warnings };
}

const isNoSetting = (variable: string): boolean =>
  variable === CONFIG_FILE_VARIABLE || CLI_VARIABLES.has(variable);

function entriesByVariable(schema: readonly SchemaEntry[]): ReadonlyMap<string, SchemaEntry> {
  return new Map(
    schema.flatMap((entry) =>
      [entry.variable, ...entry.aliasVariables].map((variable) => [variable, entry] as const),
    ),
  );
}

function isServiceLink(variable: string, text: string): boolean {
  return (
    SERVICE_LINK.test(variable) || (variable.endsWith('_PORT') && SERVICE_LINK_VALUE.test(text))
  );
}

function serviceLinkWarning(variable: string): string {
  return (
    `${variable} holds a Kubernetes service link and is ignored; ` +
    `set enableServiceLinks: false on the pod, or rename the Service`
  );
}

/** The value is left out: a misspelt name may well hold a secret. */
function unknownVariable(variable: string, text: string, known: readonly string[]): ConfigFault {
  const near = nearestName(variable, known);
  const hint = near ? `did you mean ${near}?` : 'docs/configuration.md lists the variables';
  const mayBeSecret = /PASSWORD|SECRET|TOKEN|KEY|URL|CREDENTIAL/.test(`${variable} ${near ?? ''}`);
  return {
    key: variable,
    ...(mayBeSecret ? {} : { value: shownValue(text) }),
    problem: `is not a setting; ${hint}`,
  };
}
