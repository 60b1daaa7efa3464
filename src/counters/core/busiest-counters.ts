/**
 * Which counters are asked most, in bounded memory: the space-saving sketch. It keeps a fixed number of
 * names; one that is not kept takes the place of the least, and with it its count, as an error that is
 * reported. Every name asked in more than one of `capacity` questions is sure to be kept.
 *
 * Two sketches, of this minute and of the last full one, so that what was busy yesterday does not stay
 * on top; `top` adds them up.
 *
 * Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data
 * streams", ICDT 2005.
 */
export interface BusyCounter {
  readonly name: string;
  /** How often it was asked: never less than in truth, more by `errorMax` at most. */
  readonly asked: number;
  readonly errorMax: number;
}

const MINUTE_MS = 60_000;

export class BusiestCounters {
  private current: SpaceSaving;
  private previous: SpaceSaving;
  private minute = 0;

  constructor(private readonly capacity: number) {
    this.current = new SpaceSaving(capacity);
    this.previous = new SpaceSaving(capacity);
  }

  offer(name: string, times: number, now: number): void {
    this.advance(now);
    this.current.offer(name, times);
  }

  /** The busiest of the last one to two minutes, busiest first. */
  top(count: number, now: number): readonly BusyCounter[] {
    this.advance(now);
    const all = new Map<string, BusyCounter>();
    for (const { name, asked, errorMax } of [...this.previous.all(), ...this.current.all()]) {
      const known = all.get(name) ?? { asked: 0, errorMax: 0 };
      all.set(name, {
        name,
        asked: known.asked + asked,
        errorMax: known.errorMax + errorMax,
      });
    }
    return [...all.values()].sort((a, b) => b.asked - a.asked).slice(0, count);
  }

  private advance(now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute <= this.minute) return;
    this.previous = minute === this.minute + 1 ? this.current : new SpaceSaving(this.capacity);
    this.current = new SpaceSaving(this.capacity);
    this.minute = minute;
  }
}

interface Place {
  name: string;
  asked: number;
  errorMax: number;
  /** Where it is in the heap. */
  at: number;
}

/** Kept as a heap with the least on top, since that is the one to give way. */
export class SpaceSaving {
  private readonly heap: Place[] = [];
  private readonly places = new Map<string, Place>();

  constructor(private readonly capacity: number) {}

  offer(name: string, times: number): void {
    const known = this.places.get(name);
    if (known !== undefined) known.asked += times;
    this.sink(
      known ??
        (this.heap.length < this.capacity
          ? this.append(name, times)
          : this.replaceLeast(name, times)),
    );
  }

  all(): readonly BusyCounter[] {
    return this.heap;
  }

  private append(name: string, times: number): Place {
    const place = { name, asked: times, errorMax: 0, at: this.heap.length };
    this.heap.push(place);
    this.places.set(name, place);
    this.rise(place);
    return place;
  }

  private replaceLeast(name: string, times: number): Place | undefined {
    const least = this.heap[0];
    if (least === undefined) return undefined;
    this.places.delete(least.name);
    least.errorMax = least.asked;
    least.asked += times;
    least.name = name;
    this.places.set(name, least);
    return least;
  }

  private rise(place: Place): void {
    let above = this.heap[(place.at - 1) >> 1];
    while (place.at > 0 && above !== undefined && above.asked > place.asked) {
      this.swap(place, above);
      above = this.heap[(place.at - 1) >> 1];
    }
  }

  private sink(place: Place | undefined): void {
    if (place === undefined) return;
    let below = this.lesserBelow(place);
    while (below !== undefined && below.asked < place.asked) {
      this.swap(place, below);
      below = this.lesserBelow(place);
    }
  }

  private lesserBelow({ at }: Place): Place | undefined {
    const left = this.heap[2 * at + 1];
    const right = this.heap[2 * at + 2];
    return right !== undefined && left !== undefined && right.asked < left.asked ? right : left;
  }

  private swap(a: Place, b: Place): void {
    [a.at, b.at] = [b.at, a.at];
    this.heap[a.at] = a;
    this.heap[b.at] = b;
  }
}
