import { MemoryGossipNetwork } from '../../src/gossip/memory-gossip-network.js';
import { NodeGossipTransport } from '../../src/gossip/node-gossip-transport.js';
import { gossipTransportContract } from './gossip-transport.contract.js';

const network = new MemoryGossipNetwork();

gossipTransportContract('memory transport', () => network.transport());
gossipTransportContract('socket transport', () => new NodeGossipTransport());
