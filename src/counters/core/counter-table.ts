/**
 * The live counters of one replica: for each name the window that it was last counted in and the one
 * before. A window that has ended leaves by a sweep that looks at a few counters for each one that is
 * opened, so that no call ever pays for all of them.
 *
 * Invariant: entries only rise; a new window is a new entry, never an old one set to zero.
 */
import type { Interval } from '../../common/time.js';
import type { CounterGroup, CounterSpec } from './counter.js';
import type { WindowCounts } from './sliding-window.js';
import { type Entry, netOf } from './tally.js';

export interface LiveCounter {
  readonly name: string;
  readonly groupName: string | undefined;
  window: Interval;
  current: MutableEntry;
  /** Start of the window before, and what was counted there. */
  previousStart: number;
  previous: MutableEntry;
  /** From then on nothing that was counted here matters. */
  expiresAt: number;
}

type MutableEntry = { -readonly [K in keyof Entry]: Entry[K] };

/** Looked at for each counter that is opened: more than one, so that the sweep gains on the openings. */
const SWEPT_PER_OPENING = 4;
/** Looked at before a new counter is turned away. */
const SWEPT_WHEN_FULL = 64;

export class CounterTable {
  private readonly counters = new Map<string, LiveCounter>();
  private readonly groupSizes = new Map<string, number>();
  private cursor = this.counters.values();

  constructor(private readonly liveMax: number) {}

  get size(): number {
    return this.counters.size;
  }

  find(name: string): LiveCounter | undefined {
    return this.counters.get(name);
  }

  /** Whether a counter that is not live may become so. */
  hasRoomFor(group: CounterGroup | undefined, now: number): boolean {
    if (this.counters.size >= this.liveMax) this.sweep(SWEPT_WHEN_FULL, now);
    if (this.counters.size >= this.liveMax) return false;
    return group === undefined || (this.groupSizes.get(group.name) ?? 0) < group.countersMax;
  }

  /** The counter in the window of now: made if it is not live, moved on if it is in an older window. */
  open(spec: CounterSpec, window: Interval, now: number): LiveCounter {
    const live = this.counters.get(spec.name);
    if (live !== undefined) {
      moveTo(live, spec, window);
      return live;
    }
    this.sweep(SWEPT_PER_OPENING, now);
    const counter = newCounter(spec, window);
    this.counters.set(spec.name, counter);
    if (counter.groupName !== undefined) this.resizeGroup(counter.groupName, 1);
    return counter;
  }

  /** Looks at the next `count` counters and drops those whose windows are over. */
  sweep(count: number, now: number): void {
    for (let i = 0; i < count; i++) {
      const next = this.cursor.next();
      if (next.done === true) {
        this.cursor = this.counters.values();
        return;
      }
      if (next.value.expiresAt <= now) this.drop(next.value);
    }
  }

  private drop({ name, groupName }: LiveCounter): void {
    this.counters.delete(name);
    if (groupName !== undefined) this.resizeGroup(groupName, -1);
  }

  private resizeGroup(name: string, by: number): void {
    const size = (this.groupSizes.get(name) ?? 0) + by;
    if (size === 0) this.groupSizes.delete(name);
    else this.groupSizes.set(name, size);
  }
}

/** What is counted in `window` and in the one before it. */
export function countsIn(counter: LiveCounter | undefined, window: Interval): WindowCounts {
  if (counter === undefined) return NOTHING;
  if (counter.window.start === window.start)
    return { previous: netOf(counter.previous), current: netOf(counter.current) };
  if (counter.window.end === window.start) return { previous: netOf(counter.current), current: 0 };
  return NOTHING;
}

/** The entry of the window that starts then, if it is still kept. */
export function entryOf(
  counter: LiveCounter | undefined,
  windowStart: number,
): MutableEntry | undefined {
  if (counter?.window.start === windowStart) return counter.current;
  if (counter?.previousStart === windowStart) return counter.previous;
  return undefined;
}

const NOTHING: WindowCounts = { previous: 0, current: 0 };

function newCounter(spec: CounterSpec, window: Interval): LiveCounter {
  return {
    name: spec.name,
    groupName: spec.group?.name,
    window,
    current: newEntry(),
    previousStart: Number.NEGATIVE_INFINITY,
    previous: newEntry(),
    expiresAt: expiryOf(spec, window),
  };
}

function moveTo(counter: LiveCounter, spec: CounterSpec, window: Interval): void {
  if (counter.window.start === window.start) return;
  const follows = counter.window.end === window.start;
  counter.previousStart = follows ? counter.window.start : Number.NEGATIVE_INFINITY;
  counter.previous = follows ? counter.current : newEntry();
  counter.current = newEntry();
  counter.window = window;
  counter.expiresAt = expiryOf(spec, window);
}

/** A sliding window is still seen from the one that follows it. */
function expiryOf(spec: CounterSpec, { start, end }: Interval): number {
  return spec.algorithm === 'sliding_window' ? end + (end - start) : end;
}

const newEntry = (): MutableEntry => ({ taken: 0, returned: 0 });
