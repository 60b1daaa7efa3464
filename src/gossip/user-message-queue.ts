import type { GossipCounters } from './gossip-counters.js';
import type { GossipDelegate } from './gossip-delegate.js';

/** Waiting at most; the sender of a gossiped message never learns whether it was taken. */
const MESSAGES_MAX = 1_024;
const BYTES_MAX = 32 * 1_048_576;

/** Hands messages to the application one at a time, so that a slow one holds up nobody else. */
export class UserMessageQueue {
  private readonly waiting: { readonly payload: Uint8Array; readonly reliable: boolean }[] = [];
  private bytes = 0;
  private busy = false;

  constructor(
    private readonly delegate: GossipDelegate,
    private readonly counters: GossipCounters,
  ) {}

  get depth(): number {
    return this.waiting.length;
  }

  push(payload: Uint8Array, reliable: boolean): void {
    if (this.waiting.length >= MESSAGES_MAX || this.bytes + payload.length > BYTES_MAX) {
      return this.counters.add('drop.user-queue-full');
    }
    this.waiting.push({ payload, reliable });
    this.bytes += payload.length;
    if (!this.busy) void this.drain();
    return undefined;
  }

  private async drain(): Promise<void> {
    this.busy = true;
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      this.bytes -= next.payload.length;
      try {
        await this.delegate.userMessage(next.payload, next.reliable);
      } catch {
        // The application's own mistake about one message: counted, and the next one is tried.
        this.counters.add('drop.user-message-failed');
      }
    }
    this.busy = false;
  }
}
