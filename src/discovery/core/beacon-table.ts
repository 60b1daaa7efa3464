/**
 * Who has been heard lately. A beacon counts if it is meant for us, sealed as ours are, young, and
 * newer than the last one of its sender: what somebody recorded and plays again changes nothing.
 */
import type { MonoMs, WallMs } from '../../common/time.js';
import type { Proposal } from './address-filter.js';
import type { Beacon } from './beacon.js';

/** Clocks of replicas may differ by this much, and a recorded beacon is worthless after it. */
export const BEACON_AGE_MAX_MS = 30_000;

/** Three of them may get lost. */
export const SILENCE_MAX_MS = 16_000;

const SENDERS_MAX = 2_048;

export interface HeardBeacon {
  readonly beacon: Beacon;
  /** Where the packet came from. */
  readonly from: string;
  /** Whether a seal was asked for and is right, is wrong, or none was asked for. */
  readonly seal: 'right' | 'wrong' | 'none';
}

export type BeaconVerdict =
  | { readonly kind: 'taken'; readonly isNews: boolean }
  /** Of another service or cluster, or our own. */
  | { readonly kind: 'notMeant' }
  | { readonly kind: 'refused'; readonly reason: BeaconRefusal };

export type BeaconRefusal = 'badSeal' | 'tooOld' | 'replayed' | 'otherAddress' | 'tooMany';

export const BEACON_REFUSALS: Readonly<Record<BeaconRefusal, string>> = {
  badSeal:
    'is not sealed with a key of this cluster; give all replicas the same cluster.gossip.keys',
  tooOld: 'is more than 30 s from this clock; synchronise the clocks, or somebody replays it',
  replayed: 'is not newer than the last of its sender; somebody replays it',
  otherAddress: 'speaks for another address, which takes a seal; set cluster.gossip.keys',
  tooMany: 'comes from one replica more than a broadcast domain may have',
};

interface Sender {
  readonly proposal: Proposal;
  readonly sentAtMs: number;
  heardAt: MonoMs;
}

export class BeaconTable {
  private readonly senders = new Map<string, Sender>();

  constructor(
    private readonly own: Pick<Beacon, 'service' | 'cluster'> & { readonly replicaId?: string },
  ) {}

  take(heard: HeardBeacon, wallNow: WallMs, now: MonoMs): BeaconVerdict {
    const { beacon, from, seal } = heard;
    const { service, cluster, replicaId } = beacon;
    if (service !== this.own.service || cluster !== this.own.cluster) return { kind: 'notMeant' };
    if (replicaId === this.own.replicaId) return { kind: 'notMeant' };
    const reason = this.refusal(heard, wallNow);
    if (reason !== undefined) return { kind: 'refused', reason };
    const before = this.senders.get(replicaId);
    if (beacon.mood === 'leaving') {
      return { kind: 'taken', isNews: this.senders.delete(replicaId) };
    }
    const { host, port, sentAtMs } = beacon;
    const origin = `udp ${replicaId}${seal === 'none' ? '' : ' (sealed)'} from ${from}`;
    this.senders.set(replicaId, { proposal: { host, port, origin }, sentAtMs, heardAt: now });
    const isNews = before?.proposal.host !== host || before.proposal.port !== port;
    return { kind: 'taken', isNews };
  }

  /** Forgets those that are silent. Not to be called while we hear nobody for reasons of our own. */
  expire(now: MonoMs): void {
    for (const [replicaId, { heardAt }] of this.senders)
      if (now - heardAt > SILENCE_MAX_MS) this.senders.delete(replicaId);
  }

  /** We were deaf: nobody's silence counts until now. */
  forgive(now: MonoMs): void {
    for (const sender of this.senders.values()) sender.heardAt = now;
  }

  peers(): readonly Proposal[] {
    return [...this.senders.values()].map(({ proposal }) => proposal);
  }

  private refusal({ beacon, from, seal }: HeardBeacon, wallNow: WallMs): BeaconRefusal | undefined {
    if (seal === 'wrong') return 'badSeal';
    if (seal === 'none' && beacon.host !== from) return 'otherAddress';
    if (Math.abs(wallNow - beacon.sentAtMs) > BEACON_AGE_MAX_MS) return 'tooOld';
    const before = this.senders.get(beacon.replicaId);
    if (before !== undefined && beacon.sentAtMs <= before.sentAtMs) return 'replayed';
    return before === undefined && this.senders.size >= SENDERS_MAX ? 'tooMany' : undefined;
  }
}
