/** Structured log lines: facts first, then a sentence. Never a secret in either. */
export abstract class Log {
  abstract debug(fields: object, message: string): void;
  abstract info(fields: object, message: string): void;
  abstract warn(fields: object, message: string): void;
  abstract error(fields: object, message: string): void;
}

/** For tests and for tools whose output is not a log. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
