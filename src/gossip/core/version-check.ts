/**
 * May these two groups be one cluster? Among those alive, the greatest of the least versions and the
 * least of the greatest give the range that everybody understands; everybody, in whatever state,
 * must speak within it. The same for the application's versions. One that does not rejects the merge.
 */
import type { NodeState } from './messages.js';
import { WireState } from './messages.js';
import { VSN_BYTES } from './member.js';

type Entry = Pick<NodeState, 'name' | 'state' | 'vsn'>;

interface Versions {
  readonly what: string;
  readonly least: number;
  readonly greatest: number;
  readonly spoken: number;
}

const PROTOCOL: Versions = { what: 'protocol', least: 0, greatest: 1, spoken: 2 };
const DELEGATE: Versions = { what: 'delegate protocol', least: 3, greatest: 4, spoken: 5 };

/** The first entry that does not fit, in words; `undefined` if all do. */
export function versionConflict(entries: readonly Entry[]): string | undefined {
  return conflictAt(entries, PROTOCOL) ?? conflictAt(entries, DELEGATE);
}

function conflictAt(entries: readonly Entry[], at: Versions): string | undefined {
  const { low, high } = understoodByAll(entries, at);
  for (const { name, vsn } of entries) {
    const spoken = vsn !== undefined && vsn.length >= VSN_BYTES ? (vsn[at.spoken] ?? 0) : 0;
    if (spoken >= low && spoken <= high) continue;
    return `node '${name}' ${at.what} version (${spoken}) is incompatible: [${low}, ${high}]`;
  }
  return undefined;
}

function understoodByAll(
  entries: readonly Entry[],
  at: Versions,
): { readonly low: number; readonly high: number } {
  let low = 0;
  let high = 255;
  for (const { state, vsn } of entries) {
    if (state !== WireState.ALIVE || vsn === undefined || vsn.length < VSN_BYTES - 1) continue;
    low = Math.max(low, vsn[at.least] ?? 0);
    high = Math.min(high, vsn[at.greatest] ?? 0);
  }
  return { low, high };
}
