import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../src/config/config-error.js';
import { GrpcPeerTransport } from '../../src/cluster/grpc-peer-transport.js';
import { MemoryPeerNetwork } from '../../src/cluster/memory-peer-network.js';
import { peerCredentials } from '../../src/cluster/peer-credentials.js';
import type { PeerTransport } from '../../src/cluster/peer-transport.js';
import { peerTransportContract } from './peer-transport.contract.js';

/** Certificates that last for a hundred years, of an authority that nobody trusts but these tests. */
const certificates = (whose: 'ours' | 'foreign', authority = whose) => ({
  certFile: `test/data/peers/${whose}.pem`,
  keyFile: `test/data/peers/${whose}.key`,
  caFile: `test/data/peers/${authority}-ca.pem`,
});

const plain = (): PeerTransport => new GrpcPeerTransport(peerCredentials({}));
const sealed = (): PeerTransport => new GrpcPeerTransport(peerCredentials(certificates('ours')));

describe('peer transport in memory', () => {
  const network = new MemoryPeerNetwork();
  peerTransportContract(() => network.transport());
});

describe('peer transport over gRPC', () => {
  peerTransportContract(plain);
});

describe('peer transport over gRPC with mutual TLS', () => {
  peerTransportContract(sealed);

  it.each<[string, () => PeerTransport]>([
    ['shows no certificate', plain],
    [
      'shows one of another authority',
      () => new GrpcPeerTransport(peerCredentials(certificates('foreign'))),
    ],
    [
      'shows one of another authority and trusts ours',
      () => new GrpcPeerTransport(peerCredentials(certificates('foreign', 'ours'))),
    ],
  ])('hears nothing from a peer that %s', async (_who, make) => {
    const server = sealed();
    const client = make();
    try {
      const heard: string[] = [];
      const silent = { message: () => undefined, closed: () => undefined };
      const address = await server.listen(
        { host: '127.0.0.1', port: 0 },
        {
          accepted() {
            return { message: ({ kind }) => void heard.push(kind), closed: () => undefined };
          },
        },
      );
      const ended = new Promise<string>((resolve, reject) => {
        client
          .open(address, { ...silent, closed: resolve }, 5_000)
          .then((link) => link.send({ kind: 'policyHint', version: 1 }), reject);
      });
      await ended.catch((error: unknown) => expect(error).toBeInstanceOf(Error));
      expect(heard).toEqual([]);
    } finally {
      await client.close();
      await server.close();
    }
  });
});

describe('peerCredentials', () => {
  it.each([
    ['caFile', { ...certificates('ours'), caFile: 'test/data/peers/nothing.pem' }],
    ['certFile', { ...certificates('ours'), keyFile: 'test/data/peers/foreign.key' }],
    ['certFile', { ...certificates('ours'), certFile: 'test/data/odd-prices.csv' }],
  ])('names %s if its file cannot be used', (setting, tls) => {
    expect(() => peerCredentials(tls)).toThrow(ConfigError);
    expect(() => peerCredentials(tls)).toThrow(`cluster.grpc.tls.${setting}`);
  });
});
