/** Who else there is, as gossip says, and what follows: who relays, and who is to be heard. */
import type { Source } from './peer-message.js';
import { type RelayChoice, chooseRelays } from './relay-choice.js';
import type { PeerMember } from './replication-input.js';

/** What is to be known of a link. */
interface Answered {
  readonly peerId: string;
  readonly isRefused: boolean;
}

export class PeerMembers {
  private readonly members = new Map<string, PeerMember>();
  /** When the relays were chosen. */
  private refused: ReadonlySet<string> = new Set();
  private choice: RelayChoice = { isRelay: false, wanted: new Set() };

  constructor(private readonly self: Source) {}

  get relays(): RelayChoice {
    return this.choice;
  }

  get all(): readonly PeerMember[] {
    return [...this.members.values()];
  }

  /** Others of our region. */
  get neighbours(): readonly PeerMember[] {
    return this.all.filter(({ region }) => region === this.self.region);
  }

  get(id: string): PeerMember | undefined {
    return this.members.get(id);
  }

  add(member: PeerMember): void {
    this.members.set(member.id, member);
  }

  remove(id: string): void {
    this.members.delete(id);
  }

  isNear(id: string): boolean {
    return this.members.get(id)?.region === this.self.region;
  }

  /** Neighbours with which counts are exchanged, or could be. */
  agreeingNeighbours(): readonly string[] {
    return this.neighbours.map(({ id }) => id).filter((id) => !this.refused.has(id));
  }

  chooseRelays(links: Iterable<Answered>): void {
    const refused = [...links].filter(({ isRefused }) => isRefused);
    this.refused = new Set(refused.map(({ peerId }) => peerId));
    const self = { id: this.self.replicaId, region: this.self.region };
    this.choice = chooseRelays(self, this.all, (id) => this.refused.has(id));
  }

  /** Others are refused now than when the relays were chosen. */
  areRefusedOtherwise(links: Iterable<Answered>): boolean {
    for (const { peerId, isRefused } of links)
      if (isRefused !== this.refused.has(peerId)) return true;
    return false;
  }
}
