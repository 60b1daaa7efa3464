/**
 * The chart, installed by helm on kube-apiserver itself, which refuses what is no object of its own. No
 * controller is there, so no pod comes of it. Run by hand: `npm run soak:kubernetes`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { KubernetesPeerSource } from '../../../src/discovery/kubernetes-peer-source.js';
import { CHART_VALUES } from '../../support/chart-values.js';
import { KubeApiServer } from '../../support/discovery/kube-api-server.js';
import { describeWith } from '../../support/discovery/needs.js';
import { HelmChart, type Manifest, NAMESPACE, oneOf } from '../../support/helm-chart.js';
import { RecordingPeerListener } from '../../support/recording-peer-listener.js';
import { sourceRim } from '../../support/source-rim.js';

jest.setTimeout(600_000);

interface StatefulSetSpec {
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly spec: { readonly serviceAccountName: string };
  };
}

const templateOf = (manifests: readonly Manifest[]): StatefulSetSpec['template'] =>
  (oneOf(manifests, 'StatefulSet').spec as StatefulSetSpec).template;

describeWith({ programs: ['go', 'openssl'] }, 'the chart on Kubernetes', () => {
  let kube: KubeApiServer;
  let chart: HelmChart;

  beforeAll(async () => {
    chart = new HelmChart();
    kube = await KubeApiServer.make();
    await kube.start();
    await kube.apply('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  }, 1_800_000);

  afterEach(() => chart.uninstall(kube));

  afterAll(async () => {
    chart.remove();
    await kube.remove();
  });

  it.each(Object.keys(CHART_VALUES))('is installed and upgraded: %s', async (name) => {
    const values = CHART_VALUES[name] ?? {};
    expect(await chart.install(values, kube)).toContain('STATUS: deployed');
    expect(await chart.upgrade({ ...values, podAnnotations: { changed: 'once' } }, kube)).toContain(
      'REVISION: 2',
    );
  });

  it('lets its pods find each other', async () => {
    const values = CHART_VALUES['a cluster that asks Kubernetes'] ?? {};
    await chart.install(values, kube);
    const manifests = await chart.render(values);
    const { metadata, spec } = templateOf(manifests);
    await kube.putPod(NAMESPACE, 'one', { labels: metadata.labels, ips: ['10.0.0.1'] });
    const tokenFile = join(kube.folder, 'token');
    writeFileSync(tokenFile, await kube.tokenOf(NAMESPACE, spec.serviceAccountName));
    const { k8sLabelSelector } = chart.settingsOf(manifests).config.cluster.discovery;
    const source = new KubernetesPeerSource(
      {
        apiServer: kube.url,
        namespace: NAMESPACE,
        labelSelector: k8sLabelSelector,
        port: 7946,
        tokenFile,
        caFile: kube.caFile,
        requestTimeoutMs: 5_000,
      },
      sourceRim(),
    );
    const seen = new RecordingPeerListener();
    await source.start(seen);
    try {
      await seen.shows(['10.0.0.1:7946']);
      expect(seen.faults).toEqual([]);
    } finally {
      await source.stop(2_000);
      await kube.removePod(NAMESPACE, 'one');
    }
  });
});
