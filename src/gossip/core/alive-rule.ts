/**
 * "X is alive at incarnation i": the only message that brings anybody in, back or up to date.
 * Invariant: beside an allowed change of address, only a greater incarnation changes anything about
 * others, and nothing anybody says changes what we say about ourselves.
 */

import type { MonoMs } from '../../common/time.js';
import { sameBytes } from './bytes.js';
import type { ClusterState } from './cluster-state.js';
import { sameEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import type { DropReason } from './gossip-effect.js';
import { MEMBERS_MAX, META_BYTES_MAX, OPAQUE_BYTES_MAX } from './gossip-options.js';
import { isName, isUp, VSN_BYTES } from './member.js';
import type { Member } from './member.js';
import type { Alive } from './messages.js';
import { refute } from './refutation.js';

/** Who says so: we ourselves at start and update, a packet from an address, or a push/pull. */
export type AliveOrigin =
  | { readonly kind: 'self'; readonly token?: string }
  | { readonly kind: 'packet'; readonly from: Endpoint }
  | { readonly kind: 'pushPull' };

export function applyAlive(
  state: ClusterState,
  received: Alive,
  origin: AliveOrigin,
  now: MonoMs,
): void {
  const alive = received.port === 0 ? { ...received, port: state.options.bindPort } : received;
  if (state.leaving && state.isSelf(alive.node)) return state.drop('leaving');
  if (!isAcceptable(state, alive, origin)) return;
  const known = state.table.get(alive.node);
  const member = known ?? stub(state, alive, now);
  const moved = known !== undefined && !sameEndpoint(known, alive);
  if (moved && !mayMove(state, known, now)) return state.notice('conflict', alive.node);
  // memberlist keeps a dead stub of a newcomer at incarnation 0; it would only be gossiped about.
  if (known === undefined && alive.incarnation === 0) return state.drop('stale');
  if (known === undefined) {
    if (state.table.size >= MEMBERS_MAX) return state.drop('table-full');
    state.table.insert(member);
  }
  decide(state, member, { alive, origin, moved }, now);
}

/** Versions, name and address space, which a known member at its known address has passed before. */
function isAcceptable(state: ClusterState, alive: Alive, origin: AliveOrigin): boolean {
  if (origin.kind === 'self') return true;
  if (!isSaneVsn(alive.vsn)) {
    state.drop('bad-vsn');
    return false;
  }
  const flaw = flawOf(alive);
  if (flaw !== undefined) {
    state.drop(flaw);
    return false;
  }
  const { allowed } = state.options;
  const known = state.table.get(alive.node);
  const settled = known !== undefined && sameEndpoint(known, alive) && origin.kind !== 'packet';
  const fine =
    (settled || allowed.allows(alive.addr)) &&
    (origin.kind !== 'packet' || allowed.allows(origin.from.addr));
  if (!fine) state.drop('address-not-allowed');
  return fine;
}

/** Senders keep these limits. Whatever is larger could be kept and told by nobody. */
function flawOf({ node, addr, meta, vsn }: Alive): DropReason | undefined {
  if (!isName(node)) return 'bad-name';
  const opaque = Math.max(addr.length, vsn?.length ?? 0);
  const fits = (meta?.length ?? 0) <= META_BYTES_MAX && opaque <= OPAQUE_BYTES_MAX;
  return fits ? undefined : 'bad-size';
}

/**
 * memberlist also admits nodes without versions, and then refuses every push/pull of the cluster
 * until they are gone. Nothing sane sends that, so we do not let it in.
 */
function isSaneVsn(vsn: Uint8Array | undefined): boolean {
  if (vsn === undefined || vsn.length < VSN_BYTES) return false;
  const [least = 0, greatest = 0, spoken = 0] = vsn;
  return least > 0 && least <= spoken && spoken <= greatest;
}

/** Somebody unknown starts dead at incarnation 0, and then the rule decides as for anybody. */
function stub(state: ClusterState, alive: Alive, now: MonoMs): Member {
  return {
    name: alive.node,
    addr: alive.addr,
    port: alive.port,
    meta: alive.meta,
    vsn: (alive.vsn ?? state.options.vsn).subarray(0, VSN_BYTES),
    incarnation: 0,
    state: 'dead',
    stateSince: now,
    rttMs: undefined,
    probationProbes: 0,
  };
}

function mayMove(state: ClusterState, member: Member, now: MonoMs): boolean {
  const { deadNodeReclaimMs } = state.options;
  if (member.state === 'left') return true;
  const waited = now - member.stateSince > deadNodeReclaimMs;
  return member.state === 'dead' && deadNodeReclaimMs > 0 && waited;
}

interface Claim {
  readonly alive: Alive;
  readonly origin: AliveOrigin;
  readonly moved: boolean;
}

function decide(state: ClusterState, member: Member, claim: Claim, now: MonoMs): void {
  const { alive, origin, moved } = claim;
  const isSelf = state.isSelf(alive.node);
  if (isSelf ? alive.incarnation < member.incarnation : isStale(member, claim)) {
    return stale(state, member, claim);
  }
  state.suspicions.delete(member.name);
  if (isSelf && origin.kind !== 'self') return aboutUs(state, member, alive);
  const token = origin.kind === 'self' ? origin.token : undefined;
  state.spread(alive, token === undefined ? {} : { token });
  adopt(state, member, { alive, origin, moved }, now);
}

const isStale = (member: Member, { alive, moved }: Claim): boolean =>
  !moved && alive.incarnation <= member.incarnation;

/**
 * A node that restarts below the incarnation at which it died is ignored by all who know of that,
 * and memberlist lets it wait for a push/pull to learn why. We tell it, once for each packet of its
 * own; it refutes at once.
 */
function stale(state: ClusterState, member: Member, { alive, origin }: Claim): void {
  state.drop('stale');
  if (origin.kind !== 'packet' || isUp(member) || state.isSelf(member.name)) return;
  if (member.incarnation === 0 || !isSameHost(origin.from, alive)) return;
  state.accuse(member, origin.from);
}

/** Sockets give 4 bytes where the wire may have 16. */
const isSameHost = (from: Endpoint, to: Endpoint): boolean =>
  from.port === to.port && sameBytes(from.addr.slice(-4), to.addr.slice(-4));

function aboutUs(state: ClusterState, self: Member, alive: Alive): void {
  const same =
    alive.incarnation === self.incarnation &&
    sameBytes(alive.meta, self.meta) &&
    sameBytes(alive.vsn, self.vsn);
  if (!same) refute(state, alive.incarnation);
}

function adopt(state: ClusterState, member: Member, claim: Claim, now: MonoMs): void {
  const { alive } = claim;
  const before = member.state;
  const metaChanged = !sameBytes(member.meta, alive.meta);
  member.vsn = (alive.vsn ?? member.vsn).subarray(0, VSN_BYTES);
  member.meta = alive.meta;
  member.addr = alive.addr;
  member.port = alive.port;
  const isNew = member.incarnation === 0;
  member.incarnation = alive.incarnation;
  if (before !== 'alive') state.setState(member, 'alive', now);
  state.reconnects.remove(member.name);
  announce(state, member, { before, metaChanged, isNew });
}

function announce(
  state: ClusterState,
  member: Member,
  it: { readonly before: Member['state']; readonly metaChanged: boolean; readonly isNew: boolean },
): void {
  const wasGone = it.before === 'dead' || it.before === 'left';
  if (wasGone) {
    const proven = it.isNew || it.before === 'left';
    member.probationProbes = proven ? 0 : state.options.successThreshold;
    return state.event('joined', member);
  }
  if (it.metaChanged) state.event('updated', member);
  if (it.before === 'suspect') state.event('cleared', member);
}
