/**
 * Sends the news to a few members at random, each interval. The freshly dead are among them, so that
 * one who was buried alive hears of it and can object. Those who left are not: they know.
 *
 * Source: SWIM (2002) section 4.1; memberlist adds this round to the piggybacking on pings.
 */
import type { MonoMs } from '../../common/time.js';
import type { ClusterState } from './cluster-state.js';
import { isUp, takesChecksums } from './member.js';
import type { Member } from './member.js';
import { pickRandom } from './random-members.js';
import { Ticker } from './ticker.js';

export class GossipRound {
  private readonly ticker: Ticker;

  constructor(
    private readonly state: ClusterState,
    startAt: MonoMs,
  ) {
    this.ticker = new Ticker(state.options.gossipIntervalMs, startAt, state.random);
  }

  get deadline(): MonoMs {
    return this.ticker.deadline;
  }

  tick(now: MonoMs): void {
    const { state } = this;
    if (!this.ticker.isDue(now)) return;
    if (state.queue.length === 0 && state.userQueue.length === 0) return;
    const hears = (member: Member): boolean => this.isListener(member, now);
    const members = state.table.list();
    for (const to of pickRandom(members, state.options.gossipNodes, state.random, hears)) {
      const parts = state.takeNews(state.newsRoomBytes());
      if (parts.length === 0) return;
      state.emit({ kind: 'send', to, parts, checksum: takesChecksums(to) });
    }
  }

  private isListener(member: Member, now: MonoMs): boolean {
    if (this.state.isSelf(member.name)) return false;
    if (isUp(member)) return true;
    const { gossipToTheDeadMs } = this.state.options;
    return member.state === 'dead' && now - member.stateSince <= gossipToTheDeadMs;
  }
}
