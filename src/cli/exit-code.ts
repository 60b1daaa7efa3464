/** What the process answers to a shell. Listed in the help of `weir`. */
export const EXIT = {
  /** Done; for `check`: allowed. */
  OK: 0,
  /** `check`: denied. */
  DENIED: 1,
  /** The command line, a file or a value in it is wrong, or names something that does not exist. */
  USAGE: 2,
  /** No service answered, or it said that it cannot serve now. */
  UNAVAILABLE: 3,
  /** Anything else. */
  FAILED: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure that is explained to the person at the shell, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.USAGE,
  ) {
    super(message);
  }
}
