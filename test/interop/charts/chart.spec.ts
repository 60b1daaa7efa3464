/**
 * The chart, rendered by helm itself: what it makes must fit together, and its settings must be such as
 * the service starts with. What an API server says of the same objects: `npm run soak:kubernetes`.
 */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { CHART_VALUES } from '../../support/chart-values.js';
import { describeWith } from '../../support/discovery/needs.js';
import { HelmChart, type Manifest, NAMESPACE, oneOf } from '../../support/helm-chart.js';

jest.setTimeout(120_000);

interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly automountServiceAccountToken: boolean;
    readonly serviceAccountName: string;
    readonly containers: readonly Container[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

interface Container {
  readonly ports: readonly { name: string; containerPort: number; protocol?: string }[];
  readonly volumeMounts: readonly { name: string; mountPath: string }[];
}

interface StatefulSetSpec {
  readonly replicas?: number;
  readonly serviceName: string;
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly template: PodTemplate;
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
}

interface NetworkPolicySpec {
  readonly ingress: readonly {
    readonly from: readonly object[];
    readonly ports: readonly { readonly port: string }[];
  }[];
}

const statefulSetOf = (manifests: readonly Manifest[]): StatefulSetSpec =>
  oneOf(manifests, 'StatefulSet').spec as StatefulSetSpec;

describeWith({ programs: ['go'] }, 'the chart', () => {
  let chart: HelmChart;

  beforeAll(() => {
    chart = new HelmChart();
  }, 1_800_000);

  afterAll(() => chart.remove());

  const render = (name: keyof typeof CHART_VALUES): Promise<readonly Manifest[]> =>
    chart.render(CHART_VALUES[name] ?? {});

  it.each(Object.keys(CHART_VALUES))('passes the lint of helm: %s', (name) =>
    chart.lint(CHART_VALUES[name] ?? {}),
  );

  it.each(Object.keys(CHART_VALUES))(
    'gives settings that the service starts with: %s',
    async (name) => {
      const manifests = await render(name);
      const { config, warnings } = chart.settingsOf(manifests);
      expect(warnings).toEqual([]);
      const { ports } = containerOf(manifests);
      const at = (port: string) => ports.find((each) => each.name === port)?.containerPort;
      expect(at('grpc')).toBe(config.grpc.port);
      expect(at('http')).toBe(config.http.port);
      if (!config.cluster.enabled) return expect(at('gossip')).toBeUndefined();
      expect(at('gossip')).toBe(config.cluster.gossip.port);
      expect(at('gossip-udp')).toBe(config.cluster.gossip.port);
      expect(at('peers')).toBe(config.cluster.grpc.port);
    },
  );

  it.each(Object.keys(CHART_VALUES))(
    'selects its own pods, and mounts what there is: %s',
    async (name) => {
      const manifests = await render(name);
      const {
        selector,
        template,
        volumeClaimTemplates = [],
        serviceName,
      } = statefulSetOf(manifests);
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      const services = manifests.filter(({ kind }) => kind === 'Service');
      for (const service of services)
        expect((service.spec as { selector: object }).selector).toEqual(selector.matchLabels);
      expect(services.map(({ metadata }) => metadata.name)).toContain(serviceName);
      const volumes = [
        ...template.spec.volumes.map((volume) => volume.name),
        ...volumeClaimTemplates.map(({ metadata }) => metadata.name),
      ];
      const mounted = containerOf(manifests).volumeMounts.map((mount) => mount.name);
      expect(new Set(mounted)).toEqual(new Set(volumes));
    },
  );

  it('gives the right to find pods to those who ask for them, and no token to others', async () => {
    const asking = await render('a cluster that asks Kubernetes');
    expect(oneOf(asking, 'Role').rules).toEqual([
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
    ]);
    const { spec } = statefulSetOf(asking).template;
    expect(spec.automountServiceAccountToken).toBe(true);
    expect(oneOf(asking, 'RoleBinding').subjects).toEqual([
      { kind: 'ServiceAccount', name: spec.serviceAccountName, namespace: NAMESPACE },
    ]);
    const { config } = chart.settingsOf(asking);
    const labels = config.cluster.discovery.k8sLabelSelector
      ?.split(',')
      .map((pair) => pair.split('='));
    expect(Object.fromEntries(labels ?? [])).toEqual(statefulSetOf(asking).selector.matchLabels);
    const slices = await render('endpoint slices of a service');
    expect(oneOf(slices, 'Role').rules).toEqual([
      {
        apiGroups: ['discovery.k8s.io'],
        resources: ['endpointslices'],
        verbs: ['get', 'list', 'watch'],
      },
    ]);
    const names = await render('names of the service');
    expect(names.filter(({ kind }) => kind.startsWith('Role'))).toEqual([]);
    expect(statefulSetOf(names).template.spec.automountServiceAccountToken).toBe(false);
    expect(chart.settingsOf(names).config.cluster.discovery.dnsNames).toEqual([
      `${statefulSetOf(names).serviceName}.${NAMESPACE}.svc`,
    ]);
  });

  it('lets replicas meet before they are ready, and nobody else among them', async () => {
    const manifests = await render('a cluster that asks Kubernetes');
    const { serviceName, selector } = statefulSetOf(manifests);
    const peers = manifests.find(
      ({ metadata, kind }) => kind === 'Service' && metadata.name === serviceName,
    );
    expect(peers?.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    const { ingress } = oneOf(manifests, 'NetworkPolicy').spec as NetworkPolicySpec;
    const among = ingress.filter(({ ports }) => ports.some(({ port }) => port === 'peers'));
    expect(among.map(({ from }) => from)).toEqual([
      [{ podSelector: { matchLabels: selector.matchLabels } }],
    ]);
  });

  it('reads secrets from where it mounts them', async () => {
    const manifests = await render('every secret, and ports of their own');
    const { config } = chart.settingsOf(manifests);
    const files = [
      config.storage.postgres.passwordFile,
      config.cluster.gossip.keyFile,
      config.cluster.grpc.tls.certFile,
      config.cluster.grpc.tls.keyFile,
      config.cluster.grpc.tls.caFile,
    ];
    const folders = containerOf(manifests).volumeMounts.map(({ mountPath }) => mountPath);
    for (const file of files) expect(folders).toContain(file?.slice(0, file.lastIndexOf('/')));
    expect(files[0]).toBe('/etc/weir/database/secret');
  });

  it('leaves the number of replicas to an autoscaler', async () => {
    const manifests = await render("a cluster block of Bifrost's values");
    expect(statefulSetOf(manifests).replicas).toBeUndefined();
    const { name } = oneOf(manifests, 'StatefulSet').metadata;
    expect(oneOf(manifests, 'HorizontalPodAutoscaler').spec).toMatchObject({
      scaleTargetRef: { kind: 'StatefulSet', name },
    });
    expect(chart.settingsOf(manifests).config.cluster).toMatchObject({
      enabled: true,
      region: 'us-east-1',
      discovery: { type: 'kubernetes', k8sLabelSelector: 'app.kubernetes.io/name=bifrost' },
    });
  });

  it.each([
    [{}, /storage\.postgresql\.external\.host is not set, and a cluster needs/],
    [{ weir: { cluster: { enabled: false } } }, /several replicas need a PostgreSQL/],
    [
      { replicaCount: 1, weir: { cluster: { enabled: false } }, persistence: { enabled: false } },
      /persistence\.enabled is false, and the embedded database would lose everything/,
    ],
    [withDatabase({ terminationGracePeriodSeconds: 30 }), /Set it to 40 or more/],
    [withDatabase({ weir: { shutdown: { graceMs: 60_000 } } }), /Set it to 75 or more/],
    [withDatabase({ weir: { grpc: { port: 1 } } }), /weir\.grpc\.port is set.*service\.grpcPort/],
    [withDatabase({ replicas: 3 }), /replicas/],
    [withDatabase({ service: { grpcPort: 'x' } }), /grpcPort/],
  ])('refuses %j', async (values, why) => {
    await expect(chart.render(values)).rejects.toThrow(why);
  });
});

const containerOf = (manifests: readonly Manifest[]): Container => {
  const [container] = statefulSetOf(manifests).template.spec.containers;
  if (container === undefined) throw new Error('a pod has a container');
  return container;
};

function withDatabase(values: object): object {
  return { storage: { postgresql: { external: { host: 'db.internal' } } }, ...values };
}
