/**
 * News waiting to ride on packets. Each message is sent `retransmitMult * ceil(log10(n + 1))` times
 * in all, which infects everybody with high probability and then ends. Order: fewest transmits
 * first, among them urgent ones, then the longest, then the newest.
 *
 * Invariants: one message for each name (news about a member replaces older news about it); at most
 * `entriesMax` messages, of which the most often sent go first when there are more.
 */

export interface Broadcast {
  /** What it is about: a newer message of the same name replaces it. */
  readonly name: string;
  readonly message: Uint8Array;
  /** Goes first among equals: a leave must be out before its process is. */
  readonly urgent?: boolean;
  /** Reported when the message has been sent for the last time, or replaced. */
  readonly token?: string;
}

interface Entry extends Broadcast {
  readonly id: number;
  transmits: number;
}

export function transmitLimit(retransmitMult: number, n: number): number {
  return retransmitMult * Math.ceil(Math.log10(n + 1));
}

export interface Taken {
  readonly messages: readonly Uint8Array[];
  /** Tokens of messages that are now finished. */
  readonly finished: readonly string[];
}

export class BroadcastQueue {
  /** Index: transmits so far. Each tier in the order of service. */
  private readonly tiers: Entry[][] = [];
  private readonly byName = new Map<string, Entry>();
  private nextId = 0;

  constructor(
    private readonly retransmitMult: number,
    private readonly entriesMax: number,
  ) {}

  get length(): number {
    return this.byName.size;
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** The tokens of what this one replaced or pushed out. */
  add(broadcast: Broadcast): readonly string[] {
    const gone: Entry[] = [];
    const older = this.byName.get(broadcast.name);
    if (older !== undefined) gone.push(this.remove(older));
    this.insert({ ...broadcast, id: this.nextId++, transmits: 0 });
    if (this.byName.size > this.entriesMax) gone.push(...this.dropWorst());
    return tokensOf(gone);
  }

  /** As many as fit into `limitBytes`, each counted with `overheadBytes` more; `n` is the table's size. */
  take(limitBytes: number, overheadBytes: number, n: number): Taken {
    const limit = transmitLimit(this.retransmitMult, n);
    const messages: Uint8Array[] = [];
    const finished: Entry[] = [];
    let left = limitBytes;
    /** Taken from the tier before this one, in the order of service, which they keep. */
    let risen: Entry[] = [];
    for (let at = 0; at < this.tiers.length || risen.length > 0; at++) {
      const kept: Entry[] = [];
      const sent: Entry[] = [];
      for (const entry of this.tiers[at] ?? []) {
        const cost = entry.message.length + overheadBytes;
        if (cost > left) {
          kept.push(entry);
          continue;
        }
        left -= cost;
        messages.push(entry.message);
        if (++entry.transmits >= limit) finished.push(entry);
        else sent.push(entry);
      }
      this.tiers[at] = merged(risen, kept);
      risen = sent;
    }
    for (const entry of finished) this.byName.delete(entry.name);
    return { messages, finished: tokensOf(finished) };
  }

  private insert(entry: Entry): void {
    this.byName.set(entry.name, entry);
    while (this.tiers.length <= entry.transmits) this.tiers.push([]);
    const tier = this.tiers[entry.transmits] ?? [];
    tier.splice(placeIn(tier, entry), 0, entry);
  }

  private remove(entry: Entry): Entry {
    this.byName.delete(entry.name);
    const tier = this.tiers[entry.transmits] ?? [];
    const at = placeIn(tier, entry);
    if (tier[at] === entry) tier.splice(at, 1);
    return entry;
  }

  private dropWorst(): readonly Entry[] {
    const tier = this.tiers.findLast((candidate) => candidate.length > 0);
    const worst = tier?.at(-1);
    return worst === undefined ? [] : [this.remove(worst)];
  }
}

/** Two lists in the order of service as one. */
function merged(a: Entry[], b: Entry[]): Entry[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const all: Entry[] = [];
  let next = 0;
  for (const entry of b) {
    for (let other = a[next]; other !== undefined && precedes(other, entry); other = a[++next])
      all.push(other);
    all.push(entry);
  }
  return all.concat(a.slice(next));
}

/** By bisection: where `entry` belongs in a tier that is in the order of service. */
function placeIn(tier: readonly Entry[], entry: Entry): number {
  let low = 0;
  let high = tier.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = tier[middle];
    if (other !== undefined && precedes(other, entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function precedes(a: Entry, b: Entry): boolean {
  if ((a.urgent ?? false) !== (b.urgent ?? false)) return a.urgent ?? false;
  if (a.message.length !== b.message.length) return a.message.length > b.message.length;
  return a.id > b.id;
}

const tokensOf = (entries: readonly Entry[]): readonly string[] =>
  entries.flatMap((entry) => (entry.token === undefined ? [] : [entry.token]));
