import type { MemberEvent } from './core/member-event.js';

/**
 * The application's side of the gossip. Events, states and packets are handed over in the order they
 * happened; nothing here may throw. `RecordingGossipDelegate` is the twin for tests.
 */
export abstract class GossipDelegate {
  abstract event(event: MemberEvent): void;

  /**
   * A message of another member. Messages wait in a bounded queue until the promise of the one
   * before is settled, so a slow application loses messages (counted), never membership.
   */
  abstract userMessage(payload: Uint8Array, reliable: boolean): void | Promise<void>;

  /** What we tell in a push/pull beside the members; at most some hundred kilobytes. */
  abstract localState(join: boolean): Uint8Array;

  abstract mergeState(state: Uint8Array, join: boolean): void;
}
