/** The disk did not do what it was asked; nothing of it counts. */
export class JournalFault extends Error {
  override readonly name = 'JournalFault';

  constructor(
    message: string,
    /** There is no room, as opposed to a device that fails. */
    readonly isFull: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Why the journal does not open, and what to do about it: written for the operator. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
}
