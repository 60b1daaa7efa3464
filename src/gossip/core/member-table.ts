/**
 * Everybody this node knows of, itself included, dead and left ones until they are reaped; `size` is
 * the n of every formula. Beside the map stands the probe list, in an order that is shuffled at each
 * wrap, so that two probes of one member are at most 2(n - 1) - 1 probes apart.
 *
 * Source: SWIM (Das, Gupta, Motivala 2002), section 4.3, round robin probe targets.
 */
import type { Random } from '../../common/random.js';
import type { MonoMs } from '../../common/time.js';
import { isUp } from './member.js';
import type { Member } from './member.js';
import { shuffle, swap } from './random-members.js';

export class MemberTable {
  private readonly byName = new Map<string, Member>();
  private order: Member[] = [];
  private cursor = 0;

  constructor(
    private readonly selfName: string,
    private readonly random: Random,
  ) {}

  get size(): number {
    return this.byName.size;
  }

  get(name: string): Member | undefined {
    return this.byName.get(name);
  }

  /** In probe order; a view. */
  list(): readonly Member[] {
    return this.order;
  }

  /** At a random place of the probe list: a newcomer waits half a round on average, not a whole. */
  insert(member: Member): void {
    this.byName.set(member.name, member);
    this.order.push(member);
    swap(this.order, this.order.length - 1, this.random.below(this.order.length));
  }

  /** Is anybody but us alive? */
  hasLivePeer(): boolean {
    return this.order.some((member) => member.name !== this.selfName && isUp(member));
  }

  /**
   * The member to probe now, walking on from the last. At the end of the list `reap` is called and
   * the list shuffled. At most one walk, so that a table of dead ones ends.
   */
  nextToProbe(reap: () => void): Member | undefined {
    for (let steps = 0; steps <= this.order.length; steps++) {
      if (this.cursor >= this.order.length) {
        reap();
        shuffle(this.order, this.random);
        this.cursor = 0;
      }
      const member = this.order[this.cursor++];
      if (member !== undefined && member.name !== this.selfName && isUp(member)) return member;
    }
    return undefined;
  }

  /** Takes out whoever has been dead or left for longer than `keepMs`. */
  reap(now: MonoMs, keepMs: number): readonly Member[] {
    const gone = this.order.filter((member) => !isUp(member) && now - member.stateSince > keepMs);
    if (gone.length === 0) return gone;
    for (const member of gone) this.byName.delete(member.name);
    this.order = this.order.filter((member) => this.byName.has(member.name));
    return gone;
  }
}
