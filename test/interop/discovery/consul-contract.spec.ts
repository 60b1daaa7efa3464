/** What every source must do, with Consul between the replicas. */
import { afterAll, beforeAll, jest } from '@jest/globals';
import { peerClusterContract } from '../../contract/peer-cluster.contract.js';
import { peerSourceContract } from '../../contract/peer-source.contract.js';
import { ConsulServer } from '../../support/discovery/consul-server.js';
import { describeWith } from '../../support/discovery/needs.js';
import { RegistryBench } from '../../support/discovery/registry-bench.js';

jest.setTimeout(600_000);

const BUILD_MS = 1_200_000;

class ConsulBench extends RegistryBench<ConsulServer> {
  protected cluster(): object {
    const { serviceName } = this;
    const consulAddress = this.registry.url;
    return { discovery: { enabled: true, type: 'consul', serviceName, consulAddress } };
  }
}

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
