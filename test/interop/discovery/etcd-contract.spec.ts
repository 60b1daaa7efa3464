/** What every source must do, with etcd between the replicas. */
import { afterAll, beforeAll, jest } from '@jest/globals';
import { peerClusterContract } from '../../contract/peer-cluster.contract.js';
import { peerSourceContract } from '../../contract/peer-source.contract.js';
import { EtcdServer } from '../../support/discovery/etcd-server.js';
import { describeWith } from '../../support/discovery/needs.js';
import { RegistryBench } from '../../support/discovery/registry-bench.js';

jest.setTimeout(600_000);

const BUILD_MS = 1_200_000;

class EtcdBench extends RegistryBench<EtcdServer> {
  protected cluster(): object {
    const { serviceName } = this;
    const etcdEndpoints = [this.registry.url];
    return { discovery: { enabled: true, type: 'etcd', serviceName, etcdEndpoints } };
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
