import type { Duration } from '../../gen/google/protobuf/duration.js';
import {
  type KeyAnswer,
  type KeyUse,
  type Member,
  MemberState,
} from '../../gen/weir/v1/cluster_service.js';
import { formatTimestamp } from '../input/timestamp.js';
import type { Column } from './table.js';

export const MEMBER_COLUMNS: readonly Column<Member>[] = [
  { title: 'NAME', text: ({ name, isSelf }) => (isSelf ? `${name} (this one)` : name) },
  { title: 'ADDRESS', text: ({ address }) => address || '-' },
  { title: 'STATE', text: stateText },
  { title: 'REGION', text: ({ region }) => region || '-' },
  { title: 'INCARNATION', align: 'right', text: ({ incarnation }) => String(incarnation) },
  { title: 'RTT', align: 'right', text: ({ rtt }) => rttText(rtt) },
  {
    title: 'SINCE (UTC)',
    text: ({ stateSince }) => (stateSince ? formatTimestamp(stateSince) : ''),
  },
  { title: 'VERSION', text: ({ version }) => version || '-' },
  { title: 'GRPC', align: 'right', text: ({ grpcPort }) => String(grpcPort || '-') },
];

export const keyColumns = (replicas: number): readonly Column<KeyUse>[] => [
  { title: 'KEY', text: ({ keyId }) => keyId },
  {
    title: 'INSTALLED',
    align: 'right',
    text: ({ installedOn }) => `${installedOn.length}/${replicas}`,
  },
  { title: 'SEALS', align: 'right', text: ({ usedBy }) => `${usedBy.length}/${replicas}` },
];

export const ANSWER_COLUMNS: readonly Column<KeyAnswer>[] = [
  { title: 'REPLICA', text: ({ member }) => member },
  { title: 'ANSWER', text: ({ problem }) => problem || 'done' },
];

function stateText({ state, routable, settingsAgree, bootId }: Member): string {
  const name = (MemberState[state] ?? String(state)).replace('MEMBER_STATE_', '').toLowerCase();
  if (state !== MemberState.MEMBER_STATE_ALIVE) return name;
  if (!routable) return `${name}, on probation`;
  return bootId !== '' && !settingsAgree ? `${name}, other settings` : name;
}

/** `0.31 ms` */
function rttText(rtt: Duration | undefined): string {
  if (rtt === undefined) return '-';
  return `${(Number(rtt.seconds) * 1_000 + rtt.nanos / 1_000_000).toFixed(2)} ms`;
}
