import { Injectable } from '@nestjs/common';

/** A stream that ends when it is asked to: first what it has in work, then itself. */
export interface Drainable {
  drain(): void;
}

/** The streams that callers hold open. They would keep a server from closing for as long as they like. */
@Injectable()
export class OpenStreams {
  private readonly streams = new Set<Drainable>();
  private isDraining = false;

  add(stream: Drainable): void {
    this.streams.add(stream);
    if (this.isDraining) stream.drain();
  }

  remove(stream: Drainable): void {
    this.streams.delete(stream);
  }

  /** Ends all of them, and those that are opened later. */
  drain(): void {
    this.isDraining = true;
    for (const stream of this.streams) stream.drain();
  }
}
