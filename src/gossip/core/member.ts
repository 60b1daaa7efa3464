/** A member as this node sees it. Mutable, and mutated only by the three rules and the reaper. */
import type { MonoMs } from '../../common/time.js';
import type { Endpoint } from './endpoint.js';
import { utf8 } from './bytes.js';
import { NAME_BYTES_MAX } from './gossip-options.js';
import { WireState } from './messages.js';
import type { NodeState } from './messages.js';

export type MemberState = 'alive' | 'suspect' | 'dead' | 'left';

export interface Member extends Endpoint {
  readonly name: string;
  /** Verbatim, as are `meta` and `vsn`: others compare them byte for byte. */
  addr: Uint8Array;
  port: number;
  meta: Uint8Array | undefined;
  /** Six bytes: protocol least, greatest, spoken; the application's least, greatest, spoken. */
  vsn: Uint8Array;
  incarnation: number;
  state: MemberState;
  stateSince: MonoMs;
  /** Round trip of our last direct probe of it. */
  rttMs: number | undefined;
  /** Good probes still wanted before a member that came back from the dead is routed to again. */
  probationProbes: number;
}

export const VSN_BYTES = 6;

/** Understands pings over TCP. */
export const takesStreamPings = (member: Pick<Member, 'vsn'>): boolean => (member.vsn[1] ?? 0) >= 3;

/** Understands nacks. */
export const takesNacks = (member: Pick<Member, 'vsn'>): boolean => (member.vsn[1] ?? 0) >= 4;

/** Understands checksums. */
export const takesChecksums = (member: Pick<Member, 'vsn'>): boolean => (member.vsn[1] ?? 0) >= 5;

/** Short enough to be told. (The empty name is one, to the protocol.) */
export const isName = (name: string): boolean =>
  // A UTF-16 unit takes three bytes at most, so nearly no name has to be encoded to be measured.
  name.length * 3 <= NAME_BYTES_MAX ||
  (name.length <= NAME_BYTES_MAX && utf8(name).length <= NAME_BYTES_MAX);

export const isUp = (member: Pick<Member, 'state'>): boolean =>
  member.state === 'alive' || member.state === 'suspect';

const NUMBERS: Readonly<Record<MemberState, number>> = {
  alive: WireState.ALIVE,
  suspect: WireState.SUSPECT,
  dead: WireState.DEAD,
  left: WireState.LEFT,
};

/** The member as push/pull sends it. */
export const nodeStateOf = (member: Member): NodeState => ({
  name: member.name,
  addr: member.addr,
  port: member.port,
  ...(member.meta === undefined ? {} : { meta: member.meta }),
  incarnation: member.incarnation,
  state: NUMBERS[member.state],
  vsn: member.vsn,
});
