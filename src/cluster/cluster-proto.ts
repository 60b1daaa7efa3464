/** From what this replica knows of the cluster to the messages of `weir.v1.ClusterService`. */
import * as proto from '../gen/weir/v1/cluster_service.js';
import type { Duration } from '../gen/google/protobuf/duration.js';
import type { MemberState } from '../gossip/core/member.js';
import { toTimestamp } from '../rpc/proto-time.js';
import type { MemberOutcome } from './keyring/keyring.service.js';
import type { PeerReport } from './cluster-report.js';
import type { LinkState } from './core/replication-effect.js';
import type { Replica } from './replica.js';

export function fromReplica(
  replica: Replica,
  peer: PeerReport,
  ownSettingsHash: string,
): proto.Member {
  const { facts, rttMs, host, gossipPort } = replica;
  return {
    name: replica.name,
    address: addressOf(host, gossipPort),
    state: STATES[replica.state],
    stateSince: toTimestamp(replica.stateSince),
    region: facts?.region ?? '',
    incarnation: replica.incarnation,
    rtt: durationOf(rttMs),
    bootId: facts?.bootId ?? '',
    version: facts?.version ?? '',
    settingsHash: facts?.settingsHash ?? '',
    settingsAgree: facts?.settingsHash === ownSettingsHash,
    grpcPort: facts?.ports.grpc ?? 0,
    httpPort: facts?.ports.http ?? 0,
    peerPort: facts?.ports.peer ?? 0,
    routable: replica.routable,
    isSelf: replica.isSelf,
    link: peer.link === undefined ? proto.LinkState.LINK_STATE_UNSPECIFIED : LINKS[peer.link],
    linkDetail: peer.linkDetail,
    freshness: durationOf(peer.freshnessMs),
    clockSkew: durationOf(peer.clockSkewMs),
  };
}

export const fromOutcomes = (outcomes: readonly MemberOutcome[]): proto.KeyAnswer[] =>
  outcomes.map(({ member, problem }) => ({ member, problem }));

/** By key, in the order in which they were first met. */
export function keyUses(outcomes: readonly MemberOutcome[]): proto.KeyUse[] {
  const uses = new Map<string, proto.KeyUse>();
  for (const { member, keyIds } of outcomes) {
    for (const [index, keyId] of keyIds.entries()) {
      const use = uses.get(keyId) ?? { keyId, installedOn: [], usedBy: [] };
      uses.set(keyId, use);
      use.installedOn.push(member);
      if (index === 0) use.usedBy.push(member);
    }
  }
  return [...uses.values()];
}

/** To the microsecond: within a rack a round trip is less than a millisecond. */
export function durationOf(ms: number | undefined): Duration | undefined {
  if (ms === undefined) return undefined;
  const micros = Math.round(ms * 1_000);
  const seconds = Math.trunc(micros / 1_000_000);
  return { seconds: BigInt(seconds), nanos: (micros - seconds * 1_000_000) * 1_000 };
}

/** Empty where this replica runs alone. */
function addressOf(host: string, port: number): string {
  if (host === '') return '';
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const STATES: Readonly<Record<MemberState, proto.MemberState>> = {
  alive: proto.MemberState.MEMBER_STATE_ALIVE,
  suspect: proto.MemberState.MEMBER_STATE_SUSPECT,
  dead: proto.MemberState.MEMBER_STATE_DEAD,
  left: proto.MemberState.MEMBER_STATE_LEFT,
};

const LINKS: Readonly<Record<LinkState, proto.LinkState>> = {
  connecting: proto.LinkState.LINK_STATE_CONNECTING,
  open: proto.LinkState.LINK_STATE_OPEN,
  stalled: proto.LinkState.LINK_STATE_STALLED,
  closed: proto.LinkState.LINK_STATE_CLOSED,
  refused: proto.LinkState.LINK_STATE_REFUSED,
};
