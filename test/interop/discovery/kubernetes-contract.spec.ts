/**
 * What every source must do, with an API server of a script between the replicas that knows pods and nothing else;
 * the real one is met in `test/interop/kubernetes`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, jest } from '@jest/globals';
import type { SelfAnnouncement } from '../../../src/discovery/peer-source.js';
import { peerClusterContract } from '../../contract/peer-cluster.contract.js';
import { peerSourceContract } from '../../contract/peer-source.contract.js';
import { describeWith } from '../../support/discovery/needs.js';
import { RegistryBench } from '../../support/discovery/registry-bench.js';
import { ScriptedKubernetes } from '../../support/discovery/scripted-kubernetes.js';

jest.setTimeout(600_000);

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

describeWith({ programs: [] }, 'Kubernetes between replicas', () => {
  let kubernetes: ScriptedKubernetes;

  beforeAll(async () => {
    kubernetes = await ScriptedKubernetes.make();
    await kubernetes.start();
  });

  afterAll(() => kubernetes.kill());

  peerSourceContract('kubernetes', () => Promise.resolve(new KubernetesBench(kubernetes)), {
    // Leaving and being killed are the platform's doing, and alike.
    leftMs: 60_000,
    killedMs: 60_000,
  });
  peerClusterContract('kubernetes', () => Promise.resolve(new KubernetesBench(kubernetes)));
});
