/** What the name of a counter says: `limit/generation`, `@region` if that counts apart, the values of its group. */
export interface CounterName {
  readonly limitId: string;
  readonly generation: number;
  readonly groupValues: readonly string[];
  /** Whether it is shared by the values beyond the limit's cap of groups. */
  readonly isOverflow: boolean;
}

/** Undefined if it is not the name of a limit's counter. Values are parted by NUL, which none has in it. */
export function parseCounterName(name: string): CounterName | undefined {
  const found = /^([^/]+)\/(\d+)(?:@[^/\0]*)?(?:\/(.*)|(\0overflow))?$/s.exec(name);
  if (found === null) return undefined;
  const [, limitId = '', generation = '', values, overflow] = found;
  return {
    limitId,
    generation: Number(generation),
    groupValues: values === undefined ? [] : values.split('\0'),
    isOverflow: overflow !== undefined,
  };
}
