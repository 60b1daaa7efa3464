/** What happened to a member. Dead and left are told apart, which memberlist's own events do not. */
import type { MemberState } from './member.js';
import type { MonoMs } from '../../common/time.js';

/** A member at one moment; never changes after. */
export interface MemberView {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly meta: Uint8Array | undefined;
  readonly vsn: Uint8Array;
  readonly incarnation: number;
  readonly state: MemberState;
  readonly stateSince: MonoMs;
  readonly rttMs: number | undefined;
  /** Alive, and proven again if it had been dead. */
  readonly routable: boolean;
}

export type MemberEventKind =
  /** Alive for the first time, or again after it was dead or had left. */
  | 'joined'
  /** Alive, with other metadata. */
  | 'updated'
  | 'suspected'
  /** Was suspect, has objected. */
  | 'cleared'
  | 'died'
  | 'left'
  /** Came back from the dead and has now passed enough probes to be routed to. */
  | 'proven'
  /** Long dead or gone, and forgotten. */
  | 'reaped';

export interface MemberEvent {
  readonly kind: MemberEventKind;
  readonly member: MemberView;
}
