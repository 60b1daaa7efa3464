/**
 * How far each source is known: what its own feed told up to there has been merged. Two replicas that
 * compare this know what to ask each other, at a cost that does not depend on how much was counted.
 */
import { type KnownSource, type Source, sourceKey } from './peer-message.js';

export class KnownSources {
  private readonly byKey = new Map<string, KnownSource>();

  constructor(private readonly sourcesMax: number) {}

  throughOf(source: Source): number {
    return this.byKey.get(sourceKey(source))?.through ?? 0;
  }

  /** Only ever rises. The source that was heard longest ago gives way to one too many. */
  raise(source: Source, through: number, seen: number): void {
    const key = sourceKey(source);
    const known = this.byKey.get(key) ?? { source, through: 0, seen: 0 };
    if (through <= known.through && seen <= known.seen) return;
    const highest = Math.max(known.through, through);
    this.byKey.delete(key);
    this.byKey.set(key, { source, through: highest, seen: Math.max(highest, known.seen, seen) });
    if (this.byKey.size <= this.sourcesMax) return;
    const [oldest] = this.byKey.keys();
    if (oldest !== undefined) this.byKey.delete(oldest);
  }

  list(): readonly KnownSource[] {
    return [...this.byKey.values()];
  }
}
