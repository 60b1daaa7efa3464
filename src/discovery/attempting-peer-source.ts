import { PeerSource, type PeerSourceListener } from './peer-source.js';
import { type SourceAttempt, SourceLoop, type SourceLoopOptions } from './source-loop.js';

/** A source that talks to a service for as long as it can: one attempt after another. */
export abstract class AttemptingPeerSource extends PeerSource {
  private readonly loop: SourceLoop;

  constructor(options: SourceLoopOptions) {
    super();
    this.loop = new SourceLoop((attempt) => this.once(attempt), options);
  }

  start(listener: PeerSourceListener): Promise<void> {
    this.loop.start(listener);
    return Promise.resolve();
  }

  async stop(timeoutMs: number): Promise<void> {
    await this.loop.stop(timeoutMs);
    await this.takeBack(timeoutMs);
  }

  /** See {@link SourceLoop}. */
  protected abstract once(attempt: SourceAttempt): Promise<void>;

  /** What was announced. Never rejects: who cannot say farewell is forgotten by the service itself. */
  protected takeBack(_timeoutMs: number): Promise<void> {
    return Promise.resolve();
  }
}
