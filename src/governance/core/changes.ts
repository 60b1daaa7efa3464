import type { RecordByKind, RecordKind } from './model.js';

/** What became of one record: its state after the change, or undefined if it was deleted. */
export type Change = {
  readonly [K in RecordKind]: {
    readonly kind: K;
    readonly id: string;
    readonly record: RecordByKind[K] | undefined;
  };
}[RecordKind];

/** Everything that happened after one version and up to another, or all there is. */
export type Update =
  | { readonly kind: 'changes'; readonly version: bigint; readonly changes: readonly Change[] }
  | { readonly kind: 'everything'; readonly version: bigint; readonly changes: readonly Change[] };
