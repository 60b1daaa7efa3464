import { NO_BYTES } from './core/bytes.js';
import type { MemberEvent } from './core/member-event.js';
import { GossipDelegate } from './gossip-delegate.js';

/** Remembers what it is told, and says what it is given: the delegate of tests and of no application. */
export class RecordingGossipDelegate extends GossipDelegate {
  readonly events: MemberEvent[] = [];
  readonly messages: Uint8Array[] = [];
  readonly states: Uint8Array[] = [];
  state: Uint8Array = NO_BYTES;

  event(event: MemberEvent): void {
    this.events.push(event);
  }

  userMessage(payload: Uint8Array): void | Promise<void> {
    this.messages.push(payload);
  }

  localState(): Uint8Array {
    return this.state;
  }

  mergeState(state: Uint8Array): void {
    this.states.push(state);
  }
}
