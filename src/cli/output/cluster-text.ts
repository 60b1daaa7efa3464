import type { Duration } from '../../gen/google/protobuf/duration.js';
import {
  type KeyAnswer,
  type KeyUse,
  LinkState,
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
  { title: 'RTT', align: 'right', text: ({ rtt }) => msText(rtt, 2) },
  { title: 'LINK', text: linkText },
  { title: 'NEWS', align: 'right', text: ({ freshness }) => msText(freshness, 0) },
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

/** Of the stream that tells it what is counted here; a dash where none is needed. */
function linkText({ link, linkDetail }: Member): string {
  if (link === LinkState.LINK_STATE_UNSPECIFIED) return '-';
  const name = (LinkState[link] ?? String(link)).replace('LINK_STATE_', '').toLowerCase();
  return linkDetail === '' ? name : `${name}: ${linkDetail}`;
}

/** `0.31 ms` */
export function msText(duration: Duration | undefined, digits: number): string {
  if (duration === undefined) return '-';
  const ms = Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000;
  return `${ms.toFixed(digits)} ms`;
}
