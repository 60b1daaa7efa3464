import { addressText } from '../common/ip-address.js';
import { addressKey } from '../discovery/core/address-filter.js';
import { PeerJoiner } from '../discovery/peer-joiner.js';
import type { PeerAddress } from '../discovery/peer-source.js';
import type { GossipService } from '../gossip/gossip.service.js';

/** The gossip, as discovery sees it. */
export class GossipPeerJoiner extends PeerJoiner {
  constructor(private readonly gossip: GossipService) {
    super();
  }

  /** A suspect is still up: it has been called often enough. */
  liveAddresses(): ReadonlySet<string> {
    const up = this.gossip
      .members()
      .filter(({ state }) => state === 'alive' || state === 'suspect');
    return new Set(up.map(({ addr, port }) => addressKey(addressText(addr), port)));
  }

  async join({ host, port }: PeerAddress): Promise<void> {
    const { joined, errors } = await this.gossip.join([addressKey(host, port)]);
    if (joined === 0) throw new Error(errors[0] ?? 'nobody answered');
  }
}
