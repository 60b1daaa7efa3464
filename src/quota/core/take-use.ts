/** What became of a call for which limits took something. */
export type Use =
  /** It was made, and used so much. Undefined: how many tokens is not known. */
  | {
      readonly kind: 'settled';
      readonly tokens: number | undefined;
      readonly amountNanos: number;
    }
  /** It will not be settled. `refund`: it was not made either. */
  | { readonly kind: 'released'; readonly refund: boolean };

interface CountedBy {
  readonly unit: 'requests' | 'tokens' | 'nano_usd';
  readonly algorithm: { readonly kind: string };
}

/** What a limit should have counted of the call, or undefined if it is right as it is. */
export function usedOf({ unit, algorithm }: CountedBy, use: Use): number | undefined {
  if (algorithm.kind === 'concurrency') return 0;
  switch (unit) {
    case 'requests':
      return use.kind === 'released' && use.refund ? 0 : undefined;
    case 'tokens':
      return use.kind === 'released' ? 0 : use.tokens;
    case 'nano_usd':
      return use.kind === 'released' ? 0 : use.amountNanos;
  }
}
