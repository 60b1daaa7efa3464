/**
 * TLS to etcd and Consul themselves, and to the API server of a script, each behind a gate that speaks it:
 * whom the sources trust, and what they show of themselves.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { removeFolderSync } from '../../../src/common/remove-folder.js';
import { ConsulPeerSource } from '../../../src/discovery/consul-peer-source.js';
import { EtcdPeerSource } from '../../../src/discovery/etcd-peer-source.js';
import { KubernetesPeerSource } from '../../../src/discovery/kubernetes-peer-source.js';
import type { PeerSource } from '../../../src/discovery/peer-source.js';
import type { TlsFiles } from '../../../src/discovery/tls-files.js';
import { type Certificates, makeCertificates } from '../../support/discovery/certificates.js';
import { ConsulServer } from '../../support/discovery/consul-server.js';
import { EtcdServer } from '../../support/discovery/etcd-server.js';
import { describeWith } from '../../support/discovery/needs.js';
import { ScriptedKubernetes } from '../../support/discovery/scripted-kubernetes.js';
import { TcpGate } from '../../support/discovery/tcp-gate.js';
import { RecordingPeerListener } from '../../support/recording-peer-listener.js';
import { sourceRim } from '../../support/source-rim.js';

jest.setTimeout(300_000);

const self = { replicaId: 'r1', host: '127.0.0.1', port: 7001, clusterName: 'weir', region: 'eu' };
const common = { serviceName: 'weir', self, requestTimeoutMs: 5_000 };

interface Service {
  readonly url: string;
  start(): Promise<void>;
  end(): Promise<void>;
}

/** A service, and what asks it. */
interface Case {
  readonly name: string;
  readonly makeService: () => Promise<Service>;
  readonly makeSource: (url: string, tls: TlsFiles) => PeerSource;
  /** Whether the source can show a certificate of its own. */
  readonly showsOne: boolean;
}

const CASES: readonly Case[] = [
  {
    name: 'etcd',
    makeService: async () => {
      const etcd = await EtcdServer.make();
      return { url: etcd.url, start: () => etcd.start(), end: () => etcd.remove() };
    },
    makeSource: (url, tls) =>
      new EtcdPeerSource({ ...common, endpoints: [url], tls, leaseTtlSeconds: 5 }, sourceRim()),
    showsOne: true,
  },
  {
    name: 'Consul',
    makeService: async () => {
      const consul = await ConsulServer.make({ acl: false });
      return { url: consul.url, start: () => consul.start(), end: () => consul.remove() };
    },
    makeSource: (address, tls) => new ConsulPeerSource({ ...common, address, tls }, sourceRim()),
    showsOne: true,
  },
  {
    name: 'Kubernetes',
    makeService: async () => {
      const kubernetes = await ScriptedKubernetes.make();
      kubernetes.put('r1', '127.0.0.1');
      const { url } = kubernetes;
      return { url, start: () => kubernetes.start(), end: () => kubernetes.kill() };
    },
    makeSource: (apiServer, { caFile }) =>
      new KubernetesPeerSource(
        { apiServer, caFile, namespace: 'prod', port: 7001, requestTimeoutMs: 5_000 },
        sourceRim(),
      ),
    showsOne: false,
  },
];

for (const { name, makeService, makeSource, showsOne } of CASES) {
  describeWith({ programs: ['openssl', 'go', 'apt-get', 'dpkg-deb'] }, `${name} behind TLS`, () => {
    let folder: string;
    let files: Certificates;
    let service: Service;
    let gate: TcpGate;
    const sources: PeerSource[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'weir-tls-'));
      files = makeCertificates(folder);
      service = await makeService();
      await service.start();
      gate = await TcpGate.to(service.url, {
        cert: readFileSync(files.certFile),
        key: readFileSync(files.keyFile),
        ca: readFileSync(files.caFile),
        requestCert: showsOne,
        rejectUnauthorized: showsOne,
        ALPNProtocols: name === 'etcd' ? ['h2'] : ['http/1.1'],
      });
    }, 1_200_000);

    afterEach(async () => {
      for (const source of sources.splice(0)) await source.stop(5_000);
    });

    afterAll(async () => {
      await gate.close();
      await service.end();
      removeFolderSync(folder);
    });

    async function look(tls: TlsFiles): Promise<RecordingPeerListener> {
      const source = makeSource(gate.url, tls);
      const seen = new RecordingPeerListener();
      sources.push(source);
      await source.start(seen);
      return seen;
    }

    const client = (): TlsFiles =>
      showsOne ? { certFile: files.clientCertFile, keyFile: files.clientKeyFile } : {};

    it('trusts the authority of the file, and is trusted with its certificate', async () => {
      const seen = await look({ ...client(), caFile: files.caFile });
      await seen.shows(['127.0.0.1:7001']);
    });

    it('does not trust a server that another authority vouches for', async () => {
      const seen = await look({ ...client(), caFile: files.otherCaFile });
      await seen.tells(/certificate/);
      expect(seen.answers).toEqual([]);
    });

    it('names the file that it cannot read', async () => {
      const seen = await look({ ...client(), caFile: join(folder, 'nothing.crt') });
      await seen.tells(/cannot read .*nothing\.crt/);
      expect(seen.answers).toEqual([]);
    });

    if (showsOne) {
      it('is turned away without a certificate of its own, and says so', async () => {
        const seen = await look({ caFile: files.caFile });
        await seen.tells(/certificate required|hang up|ECONNRESET|UNAVAILABLE/);
        expect(seen.answers).toEqual([]);
      });
    }
  });
}
