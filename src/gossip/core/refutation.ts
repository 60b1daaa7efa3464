/**
 * Somebody says that we are suspect, dead or other than we are. We answer with a higher incarnation,
 * which beats every accusation; and having been accused is a sign that we are slow, so we doubt
 * ourselves a little more. The answer is not sent to anybody in particular: it rides with the news.
 */
import type { ClusterState } from './cluster-state.js';

const INCARNATION_MAX = 0xffff_ffff;

export function refute(state: ClusterState, accusedIncarnation: number): void {
  const { self } = state;
  const next = Math.max(self.incarnation, accusedIncarnation) + 1;
  if (next > INCARNATION_MAX) {
    // Nothing beats the greatest incarnation. Only a forger or a bug gets there; we wait to be reaped.
    state.drop('incarnation-exhausted');
    return;
  }
  self.incarnation = next;
  state.awareness.add(1);
  state.notice('refuted', self.name);
  state.spread(state.ownAlive());
}
