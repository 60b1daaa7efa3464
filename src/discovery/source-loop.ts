import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../common/clock.js';
import type { Random } from '../common/random.js';
import { Backoff, type BackoffBounds, SOURCE_BACKOFF } from './core/backoff.js';
import type { PeerAddress, PeerSourceListener } from './peer-source.js';
import { SourceFailure } from './source-failure.js';

/** What an attempt may do while it lasts. */
export interface SourceAttempt {
  /** Aborted when the source is stopped: everything that waits must end. */
  readonly signal: AbortSignal;
  readonly found: (peers: readonly PeerAddress[]) => void;
}

export interface SourceLoopOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff?: BackoffBounds;
}

/** An attempt that lasted this long was a success, whatever ended it. */
const HEALTHY_MS = 10_000;

/** The longest wait that a service may ask of us. */
const ASKED_MS_MAX = 120_000;

/**
 * Keeps a source talking to its service: one attempt after another, each with its own connections.
 * An attempt that throws is told as a fault; one that returns has just come to its end. Both are
 * followed by a pause that grows while attempts are short, so that a service which answers and says
 * "start over" forever is not asked in a tight loop.
 */
export class SourceLoop {
  private readonly stopping = new AbortController();
  private readonly backoff: Backoff;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly attempt: (attempt: SourceAttempt) => Promise<void>,
    private readonly options: SourceLoopOptions,
  ) {
    this.backoff = new Backoff(options.random, options.backoff ?? SOURCE_BACKOFF);
  }

  start(listener: PeerSourceListener): void {
    this.running = this.run(listener);
  }

  /** Nothing is told any more; resolves when the attempt that was under way has ended, or it is time. */
  async stop(timeoutMs: number): Promise<void> {
    this.stopping.abort();
    const waiting = new AbortController();
    await Promise.race([this.running, pause(timeoutMs, waiting.signal)]);
    waiting.abort();
  }

  private async run(listener: PeerSourceListener): Promise<void> {
    const { signal } = this.stopping;
    const found = (peers: readonly PeerAddress[]): void => {
      if (!signal.aborted) listener.found(peers);
    };
    while (!signal.aborted) {
      const startedMs = this.options.clock.monoNow();
      const failure = await this.once({ signal, found });
      if (signal.aborted) return;
      if (this.options.clock.monoNow() - startedMs >= HEALTHY_MS) this.backoff.succeeded();
      const askedMs = Math.min(failure?.retryAfterMs ?? 0, ASKED_MS_MAX);
      const retryAfterMs = Math.round(Math.max(this.backoff.failed(), askedMs));
      if (failure) listener.failed({ message: failure.message, retryAfterMs });
      await pause(retryAfterMs, signal);
    }
  }

  private async once(attempt: SourceAttempt): Promise<SourceFailure | undefined> {
    try {
      await this.attempt(attempt);
      return undefined;
    } catch (error) {
      return error instanceof SourceFailure ? error : new SourceFailure(String(error));
    }
  }
}

/** Ends early, and without complaint, when the signal says so. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // Stopped: whoever called looks at the signal.
  }
}
