/**
 * May these two groups be one cluster? Among those alive, the greatest of the least versions and the
 * least of the greatest give the range that everybody understands; everybody, in whatever state,
 * must speak within it. The same for the application's versions. One that does not rejects the merge.
 */
import type { NodeState } from './messages.js';
import { WireState } from './messages.js';
import { VSN_BYTES } from './member.js';

type Entry = Pick<NodeState, 'name' | 'state' | 'vsn'>;

/** The first entry that does not fit, in words; `undefined` if all do. */
export function versionConflict(entries: readonly Entry[]): string | undefined {
  const alive = entries.filter((it) => it.state === WireState.ALIVE && (it.vsn?.length ?? 0) >= 5);
  return (
    conflictAt(entries, alive, { what: 'protocol', least: 0, greatest: 1, spoken: 2 }) ??
    conflictAt(entries, alive, { what: 'delegate protocol', least: 3, greatest: 4, spoken: 5 })
  );
}

function conflictAt(
  entries: readonly Entry[],
  alive: readonly Entry[],
  at: {
    readonly what: string;
    readonly least: number;
    readonly greatest: number;
    readonly spoken: number;
  },
): string | undefined {
  const low = Math.max(0, ...alive.map(({ vsn }) => vsn?.[at.least] ?? 0));
  const high = Math.min(255, ...alive.map(({ vsn }) => vsn?.[at.greatest] ?? 0));
  for (const { name, vsn } of entries) {
    const spoken = vsn !== undefined && vsn.length >= VSN_BYTES ? (vsn[at.spoken] ?? 0) : 0;
    if (spoken >= low && spoken <= high) continue;
    return `node '${name}' ${at.what} version (${spoken}) is incompatible: [${low}, ${high}]`;
  }
  return undefined;
}
