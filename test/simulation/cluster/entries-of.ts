/** All that a replica knows, read as a peer would read it. */
import { ByteReader } from '../../../src/counters/core/byte-reader.js';
import { readEntries } from '../../../src/counters/core/entry-block.js';
import { fingerprintText } from '../../../src/counters/core/fingerprint.js';
import { SourceEntry } from '../../../src/counters/core/source-entry.js';
import type { Source } from '../../../src/cluster/core/peer-message.js';
import type { Replica } from './simulated-replicas.js';
import { runOf } from './truth.js';

export interface KnownEntry {
  readonly taken: number;
  readonly returned: number;
}

/** By fingerprint, run and start of the window. */
export type Knowledge = Map<string, KnownEntry>;

const ALL = Number.MAX_SAFE_INTEGER;

export const knownKey = (fingerprint: string, run: string, start: number): string =>
  `${fingerprint} ${run} ${start}`;

export function knowledgeOf({ engine, source }: Replica, sources: readonly Source[]): Knowledge {
  const known: Knowledge = new Map();
  readInto(known, engine.store.collect('own', 0, ALL).entries, source);
  for (const other of sources) {
    if (runOf(other) === runOf(source)) continue;
    let cursor: number | undefined = 0;
    while (cursor !== undefined) {
      const page: { entries: Uint8Array; nextCursor: number | undefined } = engine.store.page(
        other,
        cursor,
        ALL,
      );
      readInto(known, page.entries, other);
      cursor = page.nextCursor;
    }
  }
  return known;
}

export function readInto(known: Knowledge, block: Uint8Array, source: Source): void {
  const entry = new SourceEntry();
  readEntries(new ByteReader(block), entry, (head) => {
    const fingerprint = fingerprintText(head.key);
    const run = runOf(head.source ?? source);
    const { taken, returned } = entry;
    known.set(knownKey(fingerprint, run, entry.start), { taken, returned });
    if (!entry.hasEarlier) return;
    const earlier = { taken: entry.earlierTaken, returned: entry.earlierReturned };
    known.set(knownKey(fingerprint, run, entry.earlierStart), earlier);
  });
}
