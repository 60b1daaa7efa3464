import type { Recurrence } from '../../common/recurrence.js';

/** How a limit counts; the shape of an algorithm in `governance`. */
type LimitAlgorithm =
  | { readonly kind: 'sliding_window' | 'fixed_window'; readonly window: Recurrence }
  | { readonly kind: 'token_bucket'; readonly refillAmount: number; readonly refillMs: number }
  | { readonly kind: 'concurrency'; readonly holdMs: number };

interface Named<Group, Place> {
  readonly name: string;
  readonly maximum: number;
  readonly group: Group;
  readonly scope: 'region' | undefined;
  readonly place: Place;
}

/**
 * The same for the engine that counts; the shape of a spec in `counters`. Written out, what every call looks at
 * first: an object that is spread into another keeps what is added to it elsewhere in memory.
 */
export function counterSpec<Group, Place>(algorithm: LimitAlgorithm, named: Named<Group, Place>) {
  const { name, maximum, group, scope, place } = named;
  switch (algorithm.kind) {
    case 'sliding_window':
    case 'fixed_window': {
      const { kind, window } = algorithm;
      return { place, algorithm: kind, window, maximum, group, name, scope };
    }
    case 'token_bucket': {
      const { kind, refillAmount, refillMs } = algorithm;
      return { place, algorithm: kind, refillAmount, refillMs, maximum, group, name, scope };
    }
    case 'concurrency': {
      const { kind, holdMs } = algorithm;
      return { place, algorithm: kind, holdMs, maximum, group, name, scope };
    }
  }
}
