/** One thing that is wrong with the configuration. */
export interface ConfigFault {
  /** The key as it was written, or the variable or file that is at fault. */
  readonly key: string;
  /** The value as text, cut short; absent where there is none or where it is a secret. */
  readonly value?: string;
  /** What is wrong and what is allowed. */
  readonly problem: string;
  /** Where it was written: `weir.yaml:3` or the name of a variable. */
  readonly source?: string;
}

/** Every fault of a configuration at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly faults: readonly ConfigFault[]) {
    super(formatFaults(faults));
  }
}

/** One line for each fault, under a headline. */
export function formatFaults(faults: readonly ConfigFault[]): string {
  const headline =
    faults.length === 1
      ? 'The configuration has a fault:'
      : `The configuration has ${faults.length} faults:`;
  return [headline, ...faults.map((fault) => `  ${formatFault(fault)}`)].join('\n');
}

const VALUE_SHOWN_MAX = 80;

/** A value as a fault shows it: quoted, escaped and cut short. */
export function shownValue(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= VALUE_SHOWN_MAX ? text : `${text.slice(0, VALUE_SHOWN_MAX)}... (cut)`;
}

function formatFault(fault: ConfigFault): string {
  const value = fault.value === undefined ? '' : ` = ${fault.value}`;
  const source =
    fault.source === undefined || fault.source === fault.key ? '' : ` (${fault.source})`;
  return `${fault.key}${value}${source}: ${fault.problem}`;
}
