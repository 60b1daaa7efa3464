/**
 * What every source must do, for those with a registry between the replicas: etcd and Consul, really
 * running; for Kubernetes an API server of a script that knows pods and nothing else.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, jest } from '@jest/globals';
import type { SelfAnnouncement } from '../../../src/discovery/peer-source.js';
import { peerClusterContract } from '../../contract/peer-cluster.contract.js';
import { type PeerSourceLimits, peerSourceContract } from '../../contract/peer-source.contract.js';
import { ConsulServer } from '../../support/discovery/consul-server.js';
import { EtcdServer } from '../../support/discovery/etcd-server.js';
import { describeWith } from '../../support/discovery/needs.js';
import { RegistryBench } from '../../support/discovery/registry-bench.js';
import { ScriptedKubernetes } from '../../support/discovery/scripted-kubernetes.js';

jest.setTimeout(600_000);

const BUILD_MS = 1_200_000;

/** Where leaving and being killed are the platform's doing, and alike. */
const LIMITS: PeerSourceLimits = { leftMs: 60_000, killedMs: 60_000 };

class EtcdBench extends RegistryBench<EtcdServer> {
  protected cluster(): object {
    const { serviceName } = this;
    const etcdEndpoints = [this.registry.url];
    return { discovery: { enabled: true, type: 'etcd', serviceName, etcdEndpoints } };
  }
}

class ConsulBench extends RegistryBench<ConsulServer> {
  protected cluster(): object {
    const { serviceName } = this;
    const consulAddress = this.registry.url;
    return { discovery: { enabled: true, type: 'consul', serviceName, consulAddress } };
  }
}

class KubernetesBench extends RegistryBench<ScriptedKubernetes> {
  protected cluster(): object {
    const k8sTokenFile = join(this.lab.folder, 'token');
    writeFileSync(k8sTokenFile, 'token');
    const where = { k8sApiServer: this.registry.url, k8sNamespace: 'prod', k8sTokenFile };
    const k8sLabelSelector = 'app=weir';
    return { discovery: { enabled: true, type: 'kubernetes', k8sLabelSelector, ...where } };
  }

  protected override publish({ replicaId, host }: SelfAnnouncement): Promise<void> {
    this.registry.put(replicaId, host);
    return Promise.resolve();
  }

  protected override async withdraw(self: SelfAnnouncement): Promise<void> {
    this.registry.remove(self.replicaId);
    await super.withdraw(self);
  }

  override async close(): Promise<void> {
    for (const index of [0, 1, 2]) this.registry.remove(this.replica(index).replicaId);
    await super.close();
  }
}

describeWith({ programs: ['go'] }, 'etcd between replicas', () => {
  let etcd: EtcdServer;

  beforeAll(async () => {
    etcd = await EtcdServer.make();
    await etcd.start();
  }, BUILD_MS);

  afterAll(() => etcd.remove());

  // A key lives as long as its lease.
  peerSourceContract('etcd', () => Promise.resolve(new EtcdBench(etcd)), {
    leftMs: 25_000,
    killedMs: 120_000,
  });
  peerClusterContract('etcd', () => Promise.resolve(new EtcdBench(etcd)));
});

describeWith({ programs: ['apt-get', 'dpkg-deb'] }, 'Consul between replicas', () => {
  let consul: ConsulServer;

  beforeAll(async () => {
    consul = await ConsulServer.make({ acl: false });
    await consul.start();
  }, BUILD_MS);

  afterAll(() => consul.remove());

  // Consul waits a minute before it removes who fails its check, and looks every half minute.
  peerSourceContract('consul', () => Promise.resolve(new ConsulBench(consul)), {
    leftMs: 50_000,
    killedMs: 240_000,
  });
  peerClusterContract('consul', () => Promise.resolve(new ConsulBench(consul)));
});

describeWith({ programs: [] }, 'Kubernetes between replicas', () => {
  let kubernetes: ScriptedKubernetes;

  beforeAll(async () => {
    kubernetes = await ScriptedKubernetes.make();
    await kubernetes.start();
  });

  afterAll(() => kubernetes.kill());

  peerSourceContract('kubernetes', () => Promise.resolve(new KubernetesBench(kubernetes)), LIMITS);
  peerClusterContract('kubernetes', () => Promise.resolve(new KubernetesBench(kubernetes)));
});
