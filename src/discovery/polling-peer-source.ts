import type { Random } from '../common/random.js';
import { Backoff, type BackoffBounds } from './core/backoff.js';
import { type PollBounds, pollWaitMs } from './core/poll-pace.js';
import { type PeerAddress, PeerSource, type PeerSourceListener } from './peer-source.js';

export interface PollAnswer {
  /** All that is known now, be it from before. */
  readonly peers: readonly PeerAddress[];
  /** How long it may be kept, if that is known. */
  readonly ttlSeconds?: number;
  /** What went wrong, in one line for an operator. */
  readonly fault?: string;
}

export interface PollingRim {
  readonly random: Random;
  /** Pauses after faults. */
  readonly backoff?: BackoffBounds;
  /** Pauses after answers. */
  readonly pollBounds?: PollBounds;
}

/** A source that is asked again and again: soon after a fault, else as its answers allow. */
export abstract class PollingPeerSource extends PeerSource {
  private readonly backoff: Backoff;
  private timer: NodeJS.Timeout | undefined;
  private listener: PeerSourceListener | undefined;

  constructor(private readonly polling: PollingRim) {
    super();
    this.backoff = new Backoff(polling.random, polling.backoff);
  }

  start(listener: PeerSourceListener): Promise<void> {
    this.listener = listener;
    void this.round();
    return Promise.resolve();
  }

  stop(_timeoutMs: number): Promise<void> {
    this.listener = undefined;
    clearTimeout(this.timer);
    this.cancel();
    return Promise.resolve();
  }

  /** One question. A rejection is told as a fault, and changes nothing else. */
  protected abstract ask(): Promise<PollAnswer>;

  /** Gives up the question that is being asked. */
  protected abstract cancel(): void;

  /** What has changed between two questions. */
  protected tell(peers: readonly PeerAddress[]): void {
    this.listener?.found(peers);
  }

  private async round(): Promise<void> {
    const waitMs = await this.askOnce();
    if (this.listener === undefined) return;
    this.timer = setTimeout(() => void this.round(), waitMs);
  }

  /** Gives how long to wait. */
  private async askOnce(): Promise<number> {
    try {
      const { peers, ttlSeconds, fault } = await this.ask();
      this.listener?.found(peers);
      if (fault !== undefined) return this.fail(fault);
      this.backoff.succeeded();
      return pollWaitMs(ttlSeconds, this.polling.random, this.polling.pollBounds);
    } catch (error) {
      return this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  private fail(message: string): number {
    const retryAfterMs = this.backoff.failed();
    this.listener?.failed({ message, retryAfterMs });
    return retryAfterMs;
  }
}
