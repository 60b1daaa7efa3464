/** One number for a counter of any kind: its record, and which slab that is in. */
export const KINDS = 3;

/** Of the slabs, in the order of `Algorithms.all`, and on the wire between replicas. */
export const CounterKind = { WINDOW: 0, BUCKET: 1, GAUGE: 2 } as const;
export type CounterKind = (typeof CounterKind)[keyof typeof CounterKind];

export const idOf = (kind: CounterKind, record: number): number => record * KINDS + kind;
export const recordOf = (id: number): number => Math.floor(id / KINDS);
export const kindOf = (id: number): CounterKind => (id % KINDS) as CounterKind;
