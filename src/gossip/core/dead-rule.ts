/**
 * "a declares X dead at incarnation i", or X itself takes its leave. Whoever is alive and hears this
 * about itself objects, unless it is leaving. A death is never turned into a leave afterwards.
 */
import type { MonoMs } from '../../common/time.js';
import type { ClusterState } from './cluster-state.js';
import type { Member } from './member.js';
import { isName, isUp } from './member.js';
import type { Dead } from './messages.js';
import { refute } from './refutation.js';

/** Reported as `broadcastDone` when our own leave has been told as often as it should. */
export function applyDead(state: ClusterState, dead: Dead, now: MonoMs, leaveToken?: string): void {
  const member = state.table.get(dead.node);
  if (member === undefined) return state.drop('unknown-member');
  if (!isName(dead.from)) return state.drop('bad-name');
  if (dead.incarnation < member.incarnation) return state.drop('stale');
  state.suspicions.delete(member.name);
  if (!isUp(member)) return state.drop('stale');
  const isSelf = state.isSelf(member.name);
  if (isSelf && !state.leaving) return refute(state, dead.incarnation);
  const isLeave = dead.from === dead.node;
  state.spread(dead, {
    urgent: isLeave,
    ...(leaveToken === undefined ? {} : { token: leaveToken }),
  });
  bury(state, member, { dead, isLeave }, now);
}

function bury(
  state: ClusterState,
  member: Member,
  it: { readonly dead: Dead; readonly isLeave: boolean },
  now: MonoMs,
): void {
  member.incarnation = it.dead.incarnation;
  state.setState(member, it.isLeave ? 'left' : 'dead', now);
  if (it.isLeave) state.reconnects.remove(member.name);
  else if (!state.isSelf(member.name)) state.reconnects.add(member.name, member, now);
  state.event(it.isLeave ? 'left' : 'died', member);
}
