/**
 * Members that failed and were perhaps only cut off. Both halves of a partition reap each other, and
 * nothing in SWIM makes them meet again; so their addresses are kept here and called now and then.
 * Those that left of their own will are not on the list. Bounded: the oldest goes first.
 */
import type { Random } from '../../common/random.js';
import type { MonoMs } from '../../common/time.js';
import type { Endpoint } from './endpoint.js';

const ENTRIES_MAX = 1_024;

interface Failed {
  readonly endpoint: Endpoint;
  readonly since: MonoMs;
}

export class ReconnectList {
  private readonly failed = new Map<string, Failed>();

  get size(): number {
    return this.failed.size;
  }

  add(name: string, endpoint: Endpoint, since: MonoMs): void {
    this.failed.delete(name);
    this.failed.set(name, { endpoint: { addr: endpoint.addr, port: endpoint.port }, since });
    const oldest = this.failed.keys().next();
    if (this.failed.size > ENTRIES_MAX && oldest.done !== true) this.failed.delete(oldest.value);
  }

  remove(name: string): void {
    this.failed.delete(name);
  }

  /** One of them at random; those that failed more than `keepMs` ago are forgotten first. */
  pick(now: MonoMs, keepMs: number, random: Random): Endpoint | undefined {
    for (const [name, { since }] of this.failed) {
      if (now - since > keepMs) this.failed.delete(name);
    }
    const entries = [...this.failed.values()];
    return entries[random.below(Math.max(1, entries.length))]?.endpoint;
  }
}
