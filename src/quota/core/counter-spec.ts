import type { Recurrence } from '../../common/recurrence.js';

/** How a limit counts; the shape of an algorithm in `governance`. */
type LimitAlgorithm =
  | { readonly kind: 'sliding_window' | 'fixed_window'; readonly window: Recurrence }
  | { readonly kind: 'token_bucket'; readonly refillAmount: number; readonly refillMs: number }
  | { readonly kind: 'concurrency'; readonly holdMs: number };

/** The same for the engine that counts; the shape of a spec in `counters`. */
export function counterSpec<Named extends object>(algorithm: LimitAlgorithm, named: Named) {
  switch (algorithm.kind) {
    case 'sliding_window':
    case 'fixed_window':
      return { ...named, algorithm: algorithm.kind, window: algorithm.window };
    case 'token_bucket': {
      const { refillAmount, refillMs } = algorithm;
      return { ...named, algorithm: algorithm.kind, refillAmount, refillMs };
    }
    case 'concurrency':
      return { ...named, algorithm: algorithm.kind, holdMs: algorithm.holdMs };
  }
}
