/**
 * Why the storage does not start, and what to do about it: written for the operator, shown without a
 * stack. It never holds a password.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError';

  constructor(
    message: string,
    /** `held`: another service has the data folder. */
    readonly kind: 'refused' | 'held' = 'refused',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
