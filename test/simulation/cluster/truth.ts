/**
 * What has really been counted, kept apart from every engine: by counter, window and run, with the moment
 * of each change, so that it can be said what had been counted when something was sent.
 */
import type { ReceiptEntry } from '../../../src/counters/core/counter.js';
import type { Source } from '../../../src/cluster/core/peer-message.js';

interface Change {
  readonly at: number;
  readonly taken: number;
}

interface Line {
  readonly changes: Change[];
  taken: number;
  returned: number;
}

export const runOf = ({ replicaId, bootId }: Source): string => `${replicaId}/${bootId}`;

export class Truth {
  /** By counter and window, then by run. */
  private readonly lines = new Map<string, Map<string, Line>>();

  count(source: Source, entry: ReceiptEntry, amount: number, at: number): void {
    const line = this.lineOf(keyOf(entry.counter.name, entry.windowStart), runOf(source));
    if (amount < 0) line.returned -= amount;
    else line.taken += amount;
    line.changes.push({ at, taken: line.taken });
  }

  total(name: string, windowStart: number): number {
    let total = 0;
    for (const line of this.lines.get(keyOf(name, windowStart))?.values() ?? [])
      total += line.taken - line.returned;
    return total;
  }

  of(name: string, windowStart: number, run: string): { taken: number; returned: number } {
    const line = this.lines.get(keyOf(name, windowStart))?.get(run);
    return { taken: line?.taken ?? 0, returned: line?.returned ?? 0 };
  }

  /** What a run had taken before a moment. */
  takenBefore(key: { name: string; windowStart: number; run: string }, at: number): number {
    const line = this.lines.get(keyOf(key.name, key.windowStart))?.get(key.run);
    if (line === undefined) return 0;
    for (let i = line.changes.length - 1; i >= 0; i--) {
      const change = line.changes[i];
      if (change !== undefined && change.at < at) return change.taken;
    }
    return 0;
  }

  runs(name: string, windowStart: number): readonly string[] {
    return [...(this.lines.get(keyOf(name, windowStart))?.keys() ?? [])];
  }

  /** All that a run has counted, by counter and window. */
  ofRun(run: string): readonly { name: string; windowStart: number; taken: number }[] {
    return [...this.lines].flatMap(([key, runs]) => {
      const line = runs.get(run);
      const [name = '', start = ''] = key.split(' ');
      return line === undefined ? [] : [{ name, windowStart: Number(start), taken: line.taken }];
    });
  }

  private lineOf(key: string, run: string): Line {
    const runs = this.lines.get(key) ?? new Map<string, Line>();
    this.lines.set(key, runs);
    const line = runs.get(run) ?? { changes: [], taken: 0, returned: 0 };
    runs.set(run, line);
    return line;
  }
}

const keyOf = (name: string, windowStart: number): string => `${name} ${windowStart}`;
