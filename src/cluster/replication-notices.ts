import { Injectable } from '@nestjs/common';
import { Log } from '../common/log.js';
import type { NoticeKind, ReplicationEffect } from './core/replication-effect.js';

type Notice = Extract<ReplicationEffect, { kind: 'notice' }>;

/** Peers and kinds of which a line was written; more of them are only counted. */
const WRITTEN_MAX = 1_000;

const TEXTS: Readonly<Record<NoticeKind, string>> = {
  'bad-message': 'a peer sent what makes no sense; it was dropped',
  'stream-replaced': 'a peer has opened a second stream; the first was closed',
  'counters-full': 'counts of a peer found no room; raise counters.liveMax',
  refused: 'no counts are exchanged with this peer, which differs in a setting',
  'clock-skew': 'the clock of a peer differs; windows begin and end at other times there',
  'too-many': 'more streams or runs of replicas than there may be',
};

/** What peers did wrong: a line for each peer and kind, and a number for each time. */
@Injectable()
export class ReplicationNotices {
  private readonly written = new Set<string>();
  private readonly totals = new Map<NoticeKind, number>();

  constructor(private readonly log: Log) {}

  add({ notice, peerId, detail }: Notice): void {
    this.totals.set(notice, (this.totals.get(notice) ?? 0) + 1);
    const key = `${notice} ${peerId}`;
    if (this.written.has(key) || this.written.size >= WRITTEN_MAX) return;
    this.written.add(key);
    this.log.warn({ peer: peerId, detail }, TEXTS[notice]);
  }

  /** Since the start. */
  counts(): ReadonlyMap<NoticeKind, number> {
    return this.totals;
  }
}
