import type { Readable } from 'node:stream';

/** Where text goes. Both a stream and a string collector of a test fit. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Everything of the process that a command may touch. Tests hand in their own. */
export interface CliIo {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly stdin: Readable;
  readonly env: NodeJS.ProcessEnv;
  /** Resolves when the person at the shell, or a supervisor, asks the process to end. */
  stopRequested(): Promise<void>;
}

/** The real process. */
export function processIo(): CliIo {
  let stop: Promise<void> | undefined;
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    stopRequested: () => (stop ??= untilSignal()),
  };
}

const INSISTING_AFTER_MS = 1_000;

/**
 * The first signal asks; one that comes later ends the process at once, in case stopping hangs. Not
 * one that comes together with it: from a terminal Ctrl-C arrives twice, since npm passes it on.
 */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let askedMs: number | undefined;
    const ask = (): void => {
      const now = performance.now();
      if (askedMs !== undefined && now - askedMs > INSISTING_AFTER_MS) process.exit(130);
      askedMs ??= now;
      resolve();
    };
    process.on('SIGINT', ask);
    process.on('SIGTERM', ask);
  });
}
