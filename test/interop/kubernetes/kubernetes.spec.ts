/**
 * The source `kubernetes` against kube-apiserver itself, with RBAC on. Its build takes long, so it is
 * run by hand: `npm run soak:kubernetes`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import {
  KubernetesPeerSource,
  type KubernetesSourceOptions,
} from '../../../src/discovery/kubernetes-peer-source.js';
import type { SelfAnnouncement } from '../../../src/discovery/peer-source.js';
import { peerClusterContract } from '../../contract/peer-cluster.contract.js';
import { peerSourceContract } from '../../contract/peer-source.contract.js';
import { KubeApiServer, type PodState } from '../../support/discovery/kube-api-server.js';
import { describeWith } from '../../support/discovery/needs.js';
import { RegistryBench } from '../../support/discovery/registry-bench.js';
import { eventually } from '../../support/eventually.js';
import { leavesNothing } from '../../support/leaks.js';
import { RecordingPeerListener } from '../../support/recording-peer-listener.js';
import { SHORTEST, sourceRim } from '../../support/source-rim.js';

jest.setTimeout(600_000);

const LABELS = { app: 'weir' };
const RBAC = '/apis/rbac.authorization.k8s.io/v1/namespaces/prod';
const ALL = ['get', 'list', 'watch'] as const;

interface Looking {
  readonly seen: RecordingPeerListener;
  stop(): Promise<void>;
}

/** A pod for each replica, whose status a kubelet would write once the server is there. */
class KubernetesBench extends RegistryBench<KubeApiServer> {
  private readonly late: SelfAnnouncement[] = [];
  private isUp = true;

  override takeAway(): Promise<void> {
    this.isUp = false;
    return super.takeAway();
  }

  override async bringBack(): Promise<void> {
    await super.bringBack();
    this.isUp = true;
    for (const self of this.late.splice(0)) await this.publish(self);
  }

  override async close(): Promise<void> {
    await super.close();
    for (const index of [0, 1, 2]) await this.registry.removePod('prod', `r${index}`);
  }

  protected cluster(): object {
    const k8sTokenFile = join(this.registry.folder, 'token');
    const where = { k8sApiServer: this.registry.url, k8sNamespace: 'prod', k8sTokenFile };
    const { caFile: k8sCaFile } = this.registry;
    const discovery = { enabled: true, type: 'kubernetes', k8sLabelSelector: 'app=weir' };
    return { discovery: { ...discovery, ...where, k8sCaFile } };
  }

  protected override async publish(self: SelfAnnouncement): Promise<void> {
    if (!this.isUp) this.late.push(self);
    else await this.registry.putPod('prod', self.replicaId, { labels: LABELS, ips: [self.host] });
  }

  protected override async withdraw(self: SelfAnnouncement): Promise<void> {
    await this.registry.removePod('prod', self.replicaId);
    await super.withdraw(self);
  }
}

describeWith({ programs: ['go', 'openssl'] }, 'Kubernetes', () => {
  let kube: KubeApiServer;
  let tokenFile: string;
  const running: Looking[] = [];

  beforeAll(async () => {
    kube = await KubeApiServer.make();
    await kube.start();
    for (const name of ['prod', 'test']) await kube.apply('/api/v1/namespaces', namespaceOf(name));
    tokenFile = join(kube.folder, 'token');
    writeFileSync(tokenFile, await kube.tokenOf('prod', 'weir'));
    await bind();
  }, 1_800_000);

  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()));
    await grant(ALL);
  });

  afterAll(() => kube.remove());

  const namespaceOf = (name: string) => ({ metadata: { name } });

  /** The account may do this with pods and endpoint slices, and nothing else. */
  async function grant(verbs: readonly string[]): Promise<void> {
    const metadata = { name: 'weir-discovery', namespace: 'prod' };
    await kube.apply(`${RBAC}/roles`, {
      metadata,
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs },
      ],
    });
  }

  async function bind(): Promise<void> {
    await grant(ALL);
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'weir-discovery' };
    const subjects = [{ kind: 'ServiceAccount', name: 'weir', namespace: 'prod' }];
    const metadata = { name: 'weir-discovery', namespace: 'prod' };
    await kube.apply(`${RBAC}/rolebindings`, { metadata, roleRef, subjects });
  }

  async function look(
    options: Partial<KubernetesSourceOptions> = {},
    backoff?: Parameters<typeof sourceRim>[0],
  ): Promise<Looking> {
    const source = new KubernetesPeerSource(
      {
        apiServer: kube.url,
        namespace: 'prod',
        labelSelector: 'app=weir',
        port: 7946,
        tokenFile,
        caFile: kube.caFile,
        requestTimeoutMs: 5_000,
        ...options,
      },
      sourceRim(backoff),
    );
    const seen = new RecordingPeerListener();
    await source.start(seen);
    const started = { seen, stop: () => source.stop(2_000) };
    running.push(started);
    return started;
  }

  const pod = (name: string, ips: readonly string[], more: Partial<PodState> = {}) =>
    kube.putPod('prod', name, { labels: LABELS, ips, ...more });

  const gone = (name: string) => kube.removePod('prod', name);

  const shows = ({ seen }: Looking, ...hosts: readonly string[]) =>
    seen.shows(hosts.map((host) => `${host}:7946`));

  const bench = () => Promise.resolve(new KubernetesBench(kube));
  // Leaving and being killed are the platform's doing, and alike.
  peerSourceContract('kubernetes', bench, { leftMs: 60_000, killedMs: 60_000 });
  peerClusterContract('kubernetes', bench);

  it('shows running pods that carry the label, ready or not, as they come and go', async () => {
    await pod('a', ['10.0.0.1']);
    const first = await look();
    await shows(first, '10.0.0.1');
    await pod('pending', [], { phase: 'Pending' });
    await pod('other', ['10.0.0.8'], { labels: { app: 'other' } });
    await kube.putPod('test', 'elsewhere', { labels: LABELS, ips: ['10.0.0.9'] });
    await pod('b', ['10.0.0.2']);
    await shows(first, '10.0.0.1', '10.0.0.2');
    await kube.setStatus('prod', 'a', { labels: LABELS, phase: 'Failed', ips: ['10.0.0.1'] });
    await shows(first, '10.0.0.2');
    await gone('b');
    await shows(first);
    expect(first.seen.faults).toEqual([]);
    for (const name of ['a', 'pending', 'other']) await gone(name);
  });

  it('takes one address of a pod with two, and the only one of a pod with IPv6', async () => {
    await pod('dual', ['10.0.0.1', 'fd00::1']);
    await pod('six', ['fd00::6']);
    const v4 = await look({ selfHost: '10.0.0.7' });
    const v6 = await look({ selfHost: 'fd00::7' });
    await shows(v4, '10.0.0.1', 'fd00::6');
    await shows(v6, 'fd00::1', 'fd00::6');
    for (const name of ['dual', 'six']) await gone(name);
  });

  it('reads the endpoint slices of a service instead', async () => {
    const path = '/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices';
    await kube.apply(path, {
      metadata: { name: 'weir-1', labels: { 'kubernetes.io/service-name': 'weir' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.3'], conditions: { ready: false } }],
      ports: [{ name: 'gossip', port: 7946, protocol: 'TCP' }],
    });
    const first = await look({ service: 'weir' });
    await shows(first, '10.0.0.3');
    await kube.delete(`${path}/weir-1`);
    await shows(first);
  });

  it('says which verb on which resource is missing, and goes on when it is granted', async () => {
    await pod('a', ['10.0.0.1']);
    await grant(['get']);
    const first = await look();
    await first.seen.tells(
      /lacks "list" on pods in namespace prod \(403\).*User "system:serviceaccount:prod:weir" cannot list resource "pods"/,
    );
    expect(first.seen.answers).toEqual([]);
    await grant(['get', 'list']);
    await shows(first, '10.0.0.1');
    await first.seen.tells(/lacks "watch" on pods/);
    await pod('b', ['10.0.0.2']);
    await shows(first, '10.0.0.1', '10.0.0.2');
    for (const name of ['a', 'b']) await gone(name);
  });

  it('says that a token is not accepted, and reads it again when it is renewed', async () => {
    const ownFile = join(kube.folder, 'rotated');
    writeFileSync(ownFile, 'not.a.token');
    await pod('a', ['10.0.0.1']);
    const first = await look({ tokenFile: ownFile });
    await first.seen.tells(/does not accept the token \(401\)/);
    writeFileSync(ownFile, await kube.tokenOf('prod', 'weir'));
    await shows(first, '10.0.0.1');
    await gone('a');
  });

  it('does not trust a server that the CA file does not vouch for', async () => {
    const first = await look({ caFile: undefined });
    await first.seen.tells(/self-signed certificate/);
  });

  it('goes on after a server that was killed, and after its version was forgotten', async () => {
    await pod('a', ['10.0.0.1']);
    const first = await look();
    await shows(first, '10.0.0.1');
    await kube.kill();
    await eventually('the fault is told', () => first.seen.faults.length > 0, 60_000);
    expect(first.seen.current).toHaveLength(1);
    // The server that comes back knows nothing older than this.
    await kube.etcd.compact(await kube.etcd.revision());
    await kube.start();
    await pod('b', ['10.0.0.2']);
    await shows(first, '10.0.0.1', '10.0.0.2');
    for (const name of ['a', 'b']) await gone(name);
  });

  it('keeps neither sockets nor timers nor memory over 1,000 reconnections', async () => {
    await pod('a', ['10.0.0.1']);
    const first = await look({ watchMs: 1, watchGraceMs: 20 }, SHORTEST);
    const tries = (count: number) => () => {
      const goal = first.seen.faults.length + first.seen.answers.length + count;
      const done = () => first.seen.faults.length + first.seen.answers.length >= goal;
      return eventually(`there were ${count}`, done, 250_000);
    };
    await leavesNothing({ warm: tries(200), run: tries(2_000), stop: () => first.stop() });
    await gone('a');
  });
});
