/** How items and answers are numbered in the arrays of `weir_decide_group`. */
export const KIND = { hold: 1, debit: 2, release: 3, extend: 4, expire: 5, force: 6 } as const;

export const ANSWER = {
  held: 1,
  denied: 2,
  posted: 3,
  postedLate: 4,
  released: 5,
  extended: 6,
  expired: 7,
  replayed: 8,
  conflict: 9,
  unknown: 10,
  ended: 11,
} as const;
