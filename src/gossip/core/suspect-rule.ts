/**
 * "a suspects that X at incarnation i has failed". The first such word starts X's timer, further
 * accusers shorten it, X itself objects. Nothing happens to the dead.
 */
import type { MonoMs } from '../../common/time.js';
import { applyDead } from './dead-rule.js';
import type { ClusterState } from './cluster-state.js';
import { isName } from './member.js';
import type { Suspect } from './messages.js';
import { refute } from './refutation.js';
import { Suspicion, suspicionBounds } from './suspicion.js';

export function applySuspect(state: ClusterState, suspect: Suspect, now: MonoMs): void {
  const member = state.table.get(suspect.node);
  if (member === undefined) return state.drop('unknown-member');
  if (!isName(suspect.from)) return state.drop('bad-name');
  if (suspect.incarnation < member.incarnation) return state.drop('stale');
  const running = state.suspicions.get(member.name);
  if (running !== undefined) {
    // Only a new accuser is news to the others, too: repeating the rest would never end.
    if (running.confirm(suspect.from)) state.spread(suspect);
    return;
  }
  if (member.state !== 'alive') return state.drop('stale');
  if (state.isSelf(member.name)) return refute(state, suspect.incarnation);
  state.spread(suspect);
  member.incarnation = suspect.incarnation;
  state.setState(member, 'suspect', now);
  const bounds = suspicionBounds(state.options, state.table.size);
  state.suspicions.set(member.name, new Suspicion(bounds, suspect.from, now));
  state.event('suspected', member);
}

/** Declares dead whoever has not objected in time. */
export function expireSuspicions(state: ClusterState, now: MonoMs): void {
  for (const [name, suspicion] of state.suspicions) {
    const member = state.table.get(name);
    if (suspicion.deadline > now) continue;
    state.suspicions.delete(name);
    if (member?.state !== 'suspect') continue;
    const { incarnation } = member;
    applyDead(state, { kind: 'dead', node: name, incarnation, from: state.options.name }, now);
  }
}
