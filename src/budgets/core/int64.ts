/** What PostgreSQL's `bigint` and protobuf's `int64` hold, and so every amount, balance and count. */
export const INT64_MAX = 2n ** 63n - 1n;
export const INT64_MIN = -(2n ** 63n);

export const isInt64 = (value: bigint): boolean => value >= INT64_MIN && value <= INT64_MAX;
