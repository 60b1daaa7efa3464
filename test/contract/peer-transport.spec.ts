import { describe, expect, it } from '@jest/globals';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { PeerServiceService } from '../../src/gen/weir/peer/v1/peer_service.js';
import type { ConnectRequest, ConnectResponse } from '../../src/cluster/core/peer-message.js';
import { ConfigError } from '../../src/config/config-error.js';
import { GrpcPeerTransport } from '../../src/cluster/grpc-peer-transport.js';
import { MemoryPeerNetwork } from '../../src/cluster/memory-peer-network.js';
import { peerCredentials } from '../../src/cluster/peer-credentials.js';
import type { PeerLink, PeerTransport } from '../../src/cluster/peer-transport.js';
import { eventually } from '../support/eventually.js';
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

describe('peer transport over gRPC, from a later release', () => {
  it('goes on after a message of a later release, and passes nothing of it on', async () => {
    const server = plain();
    const heard: ConnectRequest[] = [];
    const accepted: PeerLink<ConnectResponse>[] = [];
    const { port } = await server.listen(
      { host: '127.0.0.1', port: 0 },
      {
        accepted(link) {
          accepted.push(link);
          return { message: (message) => void heard.push(message), closed: () => undefined };
        },
      },
    );
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    try {
      const { path } = PeerServiceService.connect;
      const raw = (bytes: Buffer): Buffer => bytes;
      const call = client.makeBidiStreamRequest(path, raw, raw, new Metadata());
      const answers: Buffer[] = [];
      call.on('error', () => undefined);
      call.on('data', (bytes: Buffer) => answers.push(bytes));
      // A hint of version 42 with a field 110 more, a message of a kind 100, and a hint as we know it.
      for (const hex of ['3207082af206026869', 'a20603616263', '3202082b'])
        call.write(Buffer.from(hex, 'hex'));
      await eventually('both hints are heard', () => heard.length === 2, 30_000);
      expect(heard).toEqual([
        { kind: 'policyHint', version: 42 },
        { kind: 'policyHint', version: 43 },
      ]);
      accepted[0]?.send({ kind: 'holdChanged', token: 1, wasHeld: true });
      await eventually('it is answered', () => answers.length === 1, 30_000);
      expect(answers[0]?.toString('hex')).toBe('2a0408011001');
      call.cancel();
    } finally {
      client.close();
      await server.close();
    }
  });
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
          .open(address, { ...silent, closed: resolve }, 30_000)
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
