import type { WallMs } from '../common/time.js';
import type { Demand, Reading, Receipt, TakeOutcome } from './core/counter.js';

/**
 * Counts what has passed. One engine counts alone, another with its peers; callers cannot tell them
 * apart. All methods are synchronous: a limit is decided from memory.
 */
export abstract class CounterEngine {
  /** All or nothing: every demand is counted, or none is. Readings are in the order of the demands. */
  abstract take(demands: readonly Demand[], now: WallMs): TakeOutcome;

  /** Counts without asking, past the maximum if need be: the call has happened. */
  abstract add(demands: readonly Demand[], now: WallMs): readonly Reading[];

  /** Takes back what a take counted, in the windows where it was counted, if they are still kept. */
  abstract giveBack(receipt: Receipt, now: WallMs): void;

  /** What {@link take} would find, with nothing counted: for dry runs and for reports. */
  abstract read(demands: readonly Demand[], now: WallMs): readonly Reading[];
}
