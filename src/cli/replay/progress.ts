import { SingleBar } from 'cli-progress';
import type { CliIo } from '../io.js';

export interface Progress {
  step(): void;
  end(): void;
}

/** A bar on a terminal; elsewhere a line for each tenth. */
export function startProgress(io: CliIo, total: number): Progress {
  return process.stderr.isTTY && io.stderr === process.stderr ? bar(total) : lines(io, total);
}

function bar(total: number): Progress {
  const shown = new SingleBar({
    format: '{bar} {percentage}% | {value} of {total} calls | {eta_formatted} left',
    stream: process.stderr,
    hideCursor: true,
    etaBuffer: 500,
  });
  shown.start(total, 0);
  return { step: () => shown.increment(), end: () => shown.stop() };
}

function lines(io: CliIo, total: number): Progress {
  let done = 0;
  return {
    step: () => {
      const before = Math.floor((done * 10) / total);
      done += 1;
      const now = Math.floor((done * 10) / total);
      if (now > before) io.stderr.write(`${now * 10}% | ${done} of ${total} calls\n`);
    },
    end: () => undefined,
  };
}
