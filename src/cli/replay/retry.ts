import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { GrpcCallError } from '../../rpc/grpc-client.js';
import { CliError, EXIT } from '../exit-code.js';
import { formatDuration } from '../input/duration.js';

/** Codes after which the same call may well pass: the service is away, busy, or comes back. */
const TRANSIENT: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
]);

export interface RetryOptions {
  readonly firstDelayMs: number;
  readonly delayMaxMs: number;
  /** After so long without any answer, to any call, the replay gives up. */
  readonly giveUpAfterMs: number;
  /** A number in [0, 1), so that many callers do not come back at once. */
  readonly jitter: () => number;
  readonly say: (text: string) => void;
}

/**
 * Repeats calls until they are answered. All calls of a replay share one, so that an outage is told
 * once and not once a call, and its patience is measured from the last answer to any of them.
 */
export class Retry {
  private lastAnswerMs = performance.now();
  private outage: { readonly sinceMs: number; readonly reason: string } | undefined;
  /** How often a call was repeated. */
  repeats = 0;

  private stopped = false;

  constructor(private readonly options: RetryOptions) {}

  /** Calls that fail from now on are not repeated. */
  stop(): void {
    this.stopped = true;
  }

  async run<T>(attempt: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        const answer = await attempt();
        this.answered();
        return answer;
      } catch (error) {
        if (this.stopped || !isTransient(error)) throw error;
        this.failed(error);
        this.repeats += 1;
        await delay(this.delayMs(failures, error));
      }
    }
  }

  private answered(): void {
    this.lastAnswerMs = performance.now();
    if (!this.outage) return;
    const lastedMs = this.lastAnswerMs - this.outage.sinceMs;
    this.outage = undefined;
    this.options.say(`The service answers again, after ${formatDuration(lastedMs)}; going on.`);
  }

  private failed(error: GrpcCallError): void {
    const now = performance.now();
    const reason = `${error.codeName}: ${error.message}`;
    if (now - this.lastAnswerMs > this.options.giveUpAfterMs) {
      const silence = formatDuration(this.options.giveUpAfterMs);
      throw new CliError(`No answer for ${silence}; giving up. ${reason}`, EXIT.UNAVAILABLE);
    }
    if (this.outage) return;
    this.outage = { sinceMs: now, reason };
    this.options.say(`Lost the service (${reason}); trying again until it answers.`);
  }

  private delayMs(failures: number, error: GrpcCallError): number {
    const { firstDelayMs, delayMaxMs, jitter } = this.options;
    const backoffMs = Math.min(delayMaxMs, firstDelayMs * 2 ** Math.min(failures, 20));
    const askedMs = Math.min(delayMaxMs, error.details.retryAfterMs ?? 0);
    return Math.max(askedMs, backoffMs * (0.5 + jitter() / 2));
  }
}

function isTransient(error: unknown): error is GrpcCallError {
  if (!(error instanceof GrpcCallError)) return false;
  if (TRANSIENT.has(error.code)) return true;
  // A server that dies in the middle of an answer resets the stream.
  return error.code === status.INTERNAL && error.message.includes('RST_STREAM');
}
