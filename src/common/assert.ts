/** Our own mistake, as opposed to a caller's or a peer's. It is never caught and handled. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** States an invariant. Stays on in production: a replica that has lost one must not go on counting. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value, which an invariant says is there. */
export function present<T>(value: T | null | undefined, message: string): T {
  if (value === null || value === undefined) throw new AssertionError(message);
  return value;
}

/** For the default branch of a switch over a closed union: compiles only if every case is handled. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
