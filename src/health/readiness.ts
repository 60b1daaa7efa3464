import { Injectable } from '@nestjs/common';

/** What a replica is doing, as far as its callers must know. */
export type Phase = 'starting' | 'serving' | 'draining';

/** The one switch between taking calls and not; health endpoints and the gRPC health service read it. */
@Injectable()
export class Readiness {
  private current: Phase = 'starting';
  private readonly listeners: ((phase: Phase) => void)[] = [];

  get phase(): Phase {
    return this.current;
  }

  enter(phase: Phase): void {
    this.current = phase;
    for (const listener of this.listeners) listener(phase);
  }

  onChange(listener: (phase: Phase) => void): void {
    this.listeners.push(listener);
  }
}
