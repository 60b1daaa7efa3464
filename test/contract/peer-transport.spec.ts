import { describe } from '@jest/globals';
import { MemoryPeerNetwork } from '../../src/cluster/memory-peer-network.js';
import { peerTransportContract } from './peer-transport.contract.js';

describe('peer transport in memory', () => {
  const network = new MemoryPeerNetwork();
  peerTransportContract(() => network.transport());
});
