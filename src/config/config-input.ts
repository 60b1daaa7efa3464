import type { ConfigFault } from './config-error.js';

/** One value that a source gives for a knob. */
export interface GivenValue {
  /** Path of the knob by its first name, whatever alias was written. */
  readonly path: readonly string[];
  readonly value: unknown;
  /** `weir.yaml:3`, or the name of the variable. */
  readonly source: string;
}

/** What one source says, after its unknown keys have been sorted out. */
export interface ConfigInput {
  readonly given: readonly GivenValue[];
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly string[];
}
