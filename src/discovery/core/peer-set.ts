/**
 * Who might be a replica: what all sources propose, sifted, and whom to call when. A failing source
 * never takes an address away; only an answer without it does. An address outside the allowed space
 * is refused, counted, and told once.
 *
 * It knows nothing of membership but the addresses at which somebody is up. Whoever is proposed and is
 * not up is called again for ever, so that a cluster that started empty or was split finds itself.
 */
import type { AllowedNetworks } from '../../common/allowed-networks.js';
import { unreachable } from '../../common/assert.js';
import type { Random } from '../../common/random.js';
import { type MonoMs, monoMs } from '../../common/time.js';
import { type Proposal, type Refusal, sift } from './address-filter.js';
import { JoinQueue } from './join-queue.js';
import { PROPOSALS_MAX, SourceBook, type SourceAnswer, type SourceStatus } from './source-book.js';

export type PeerSetInput =
  /** A source will be asked. */
  | { readonly kind: 'opened'; readonly source: string }
  | { readonly kind: 'found'; readonly source: string; readonly peers: readonly Proposal[] }
  | { readonly kind: 'failed'; readonly source: string; readonly fault: string }
  /** What became of a `join`. */
  | { readonly kind: 'joinEnded'; readonly key: string; readonly error: string | undefined }
  /** The addresses at which members are up, in canonical form. */
  | { readonly kind: 'tick'; readonly live: ReadonlySet<string> };

export type PeerSetEffect =
  | { readonly kind: 'join'; readonly key: string; readonly peer: Proposal }
  | { readonly kind: 'appeared'; readonly key: string; readonly origin: string }
  | { readonly kind: 'lost'; readonly key: string }
  | { readonly kind: 'refused'; readonly key: string; readonly reason: Refusal }
  | { readonly kind: 'dropped'; readonly source: string; readonly count: number }
  /** Told when it begins, and when its reason changes. */
  | { readonly kind: 'sourceFails'; readonly source: string; readonly fault: string }
  | { readonly kind: 'sourceAnswers'; readonly source: string; readonly peers: number };

export interface PeerSetCounts {
  /** Addresses that may be called now. */
  readonly proposed: number;
  /** Addresses that may not, in the last answers. */
  readonly refused: number;
  /** Since the start, each time an answer had one. */
  readonly refusedTotal: number;
  readonly joinedTotal: number;
  readonly joinFailedTotal: number;
  /** Of the proposed, those at which a member was up at the last look. */
  readonly alive: number;
}

/** How often to look who is up: news of the gossip reaches us no later. */
export const LOOK_INTERVAL_MS = 500;

/** Addresses whose refusal is remembered as told; past that it may be told again. */
const TOLD_MAX = 4_096;

export class PeerSet {
  private readonly book = new SourceBook();
  private readonly queue: JoinQueue;
  private readonly peers = new Map<string, Proposal>();
  private readonly joinErrors = new Map<string, string>();
  private readonly told = new Set<string>();
  private live: ReadonlySet<string> = new Set();
  private nextLookAt = monoMs(0);
  private refusedTotal = 0;
  private joinedTotal = 0;
  private joinFailedTotal = 0;

  constructor(
    private readonly allowed: AllowedNetworks,
    random: Random,
  ) {
    this.queue = new JoinQueue(random);
  }

  handle(input: PeerSetInput, now: MonoMs): readonly PeerSetEffect[] {
    switch (input.kind) {
      case 'opened':
        this.book.open(input.source);
        return [];
      case 'found':
        return [...this.found(input.source, input.peers, now), ...this.call(now)];
      case 'failed':
        return this.book.failed(input.source, input.fault)
          ? [{ kind: 'sourceFails', source: input.source, fault: input.fault }]
          : [];
      case 'joinEnded':
        this.joinEnded(input.key, input.error, now);
        return this.call(now);
      case 'tick':
        this.live = input.live;
        this.nextLookAt = monoMs(now + LOOK_INTERVAL_MS);
        return [...this.recovered(), ...this.call(now)];
      default:
        return unreachable(input);
    }
  }

  /** When the next `tick` is wanted; it may come early, often or late. */
  nextDeadline(): MonoMs {
    return this.nextLookAt;
  }

  sources(now: MonoMs): readonly SourceStatus[] {
    return this.book.status(now);
  }

  /** The addresses that may be called, and why the last call failed, if it did. */
  proposals(): readonly (Proposal & { readonly key: string; readonly joinError?: string })[] {
    return [...this.peers].map(([key, peer]) => {
      const joinError = this.joinErrors.get(key);
      return { ...peer, key, ...(joinError === undefined ? {} : { joinError }) };
    });
  }

  /** The addresses of the last answers that may not be called. */
  refusals(now: MonoMs): ReadonlyMap<string, Refusal> {
    return new Map(
      this.sources(now).flatMap(({ source }) => [...this.book.answerOf(source).refused]),
    );
  }

  counts(now: MonoMs): PeerSetCounts {
    return {
      proposed: this.peers.size,
      refused: this.refusals(now).size,
      refusedTotal: this.refusedTotal,
      joinedTotal: this.joinedTotal,
      joinFailedTotal: this.joinFailedTotal,
      alive: [...this.peers.keys()].filter((key) => this.live.has(key)).length,
    };
  }

  private found(
    source: string,
    proposals: readonly Proposal[],
    now: MonoMs,
  ): readonly PeerSetEffect[] {
    const before = this.book.answerOf(source);
    const answer = this.sifted(proposals);
    this.book.answered(source, answer, now);
    this.refusedTotal += answer.refused.size;
    return [
      ...this.appeared(answer, now),
      ...this.lost(before),
      ...this.newlyRefused(answer),
      ...(answer.dropped > 0 && before.dropped === 0
        ? [{ kind: 'dropped' as const, source, count: answer.dropped }]
        : []),
    ];
  }

  private sifted(proposals: readonly Proposal[]): SourceAnswer {
    const proposed = new Map<string, Proposal>();
    const refused = new Map<string, Refusal>();
    let dropped = 0;
    for (const proposal of proposals) {
      const sifted = sift(proposal, this.allowed);
      const into = sifted.kind === 'allowed' ? proposed : refused;
      if (into.size >= PROPOSALS_MAX && !into.has(sifted.key)) dropped++;
      else if (sifted.kind === 'allowed') proposed.set(sifted.key, sifted.peer);
      else refused.set(sifted.key, sifted.reason);
    }
    return { proposed, refused, dropped };
  }

  private appeared(answer: SourceAnswer, now: MonoMs): readonly PeerSetEffect[] {
    const effects: PeerSetEffect[] = [];
    for (const [key, peer] of answer.proposed) {
      if (this.peers.has(key)) continue;
      this.peers.set(key, peer);
      this.queue.add(key, now);
      effects.push({ kind: 'appeared', key, origin: peer.origin });
    }
    return effects;
  }

  private lost(before: SourceAnswer): readonly PeerSetEffect[] {
    const gone = [...before.proposed.keys()].filter((key) => !this.book.proposes(key));
    for (const key of gone) {
      this.peers.delete(key);
      this.joinErrors.delete(key);
      this.queue.remove(key);
    }
    return gone.map((key) => ({ kind: 'lost', key }));
  }

  private newlyRefused({ refused }: SourceAnswer): readonly PeerSetEffect[] {
    const effects: PeerSetEffect[] = [];
    for (const [key, reason] of refused) {
      if (this.told.has(key)) continue;
      if (this.told.size >= TOLD_MAX) this.told.clear();
      this.told.add(key);
      effects.push({ kind: 'refused', key, reason });
    }
    return effects;
  }

  private recovered(): readonly PeerSetEffect[] {
    return this.book.takeRecovered().map((source) => ({
      kind: 'sourceAnswers',
      source,
      peers: this.book.answerOf(source).proposed.size,
    }));
  }

  private joinEnded(key: string, error: string | undefined, now: MonoMs): void {
    if (error === undefined) this.joinedTotal++;
    else this.joinFailedTotal++;
    if (error !== undefined && this.peers.has(key)) this.joinErrors.set(key, error);
    else this.joinErrors.delete(key);
    this.queue.ended(key, now);
  }

  private call(now: MonoMs): readonly PeerSetEffect[] {
    return this.queue.take(this.live, now).flatMap((key) => {
      const peer = this.peers.get(key);
      return peer === undefined ? [] : [{ kind: 'join' as const, key, peer }];
    });
  }
}
