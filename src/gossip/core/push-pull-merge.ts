/**
 * Takes in the whole state of another member. Deaths are not believed, only suspected in our own
 * name, so that one confused member cannot bury the cluster; leaves are believed, since only the
 * leaver starts them. Somebody unknown who is not alive is not learned.
 */
import type { MonoMs } from '../../common/time.js';
import { applyAlive } from './alive-rule.js';
import type { ClusterState } from './cluster-state.js';
import { applyDead } from './dead-rule.js';
import { nodeStateOf } from './member.js';
import { WireState } from './messages.js';
import type { NodeState } from './messages.js';
import { applySuspect } from './suspect-rule.js';
import { versionConflict } from './version-check.js';

export interface RemoteView {
  readonly nodes: readonly NodeState[];
  readonly userState: Uint8Array;
  readonly join: boolean;
}

/** Why nothing was taken over, or `undefined`. */
export function mergeRemote(
  state: ClusterState,
  remote: RemoteView,
  now: MonoMs,
): string | undefined {
  const conflict = versionConflict([...remote.nodes, ...localNodes(state)]);
  if (conflict !== undefined) {
    state.drop('incompatible-version');
    return conflict;
  }
  for (const node of remote.nodes) mergeNode(state, node, now);
  if (remote.userState.length > 0) {
    state.emit({ kind: 'mergeUserState', bytes: remote.userState, join: remote.join });
  }
  return undefined;
}

/** Everybody in the table, ourselves included, as push/pull sends it. */
export const localNodes = (state: ClusterState): readonly NodeState[] =>
  state.table.list().map(nodeStateOf);

function mergeNode(state: ClusterState, node: NodeState, now: MonoMs): void {
  const { name, incarnation } = node;
  const from = state.options.name;
  switch (node.state) {
    case WireState.ALIVE:
      return applyAlive(state, { ...node, kind: 'alive', node: name }, { kind: 'pushPull' }, now);
    case WireState.LEFT:
      return applyDead(state, { kind: 'dead', node: name, incarnation, from: name }, now);
    case WireState.DEAD:
    case WireState.SUSPECT:
      return applySuspect(state, { kind: 'suspect', node: name, incarnation, from }, now);
    default:
      return undefined;
  }
}
