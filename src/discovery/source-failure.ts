/** A service that could not be asked, or gave no usable answer; its message is for an operator. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure';

  constructor(
    message: string,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }

  /** Whatever was thrown, with the place where it happened in front. */
  static from(error: unknown, place: string): SourceFailure {
    const retryAfterMs = error instanceof SourceFailure ? error.retryAfterMs : undefined;
    return new SourceFailure(`${place}: ${wordsOf(error)}`, retryAfterMs);
  }
}

/** A failed connection to several addresses has its words in its parts. */
export function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return [...new Set(error.errors.map(wordsOf))].join('; ');
  if (error instanceof Error && error.message !== '') return error.message;
  return String(error);
}
