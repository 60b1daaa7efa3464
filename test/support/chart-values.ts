/** Values that operators write, by what they are for: all of them must render, and start. */
export const CHART_VALUES: Readonly<Record<string, object>> = {
  'a cluster that asks Kubernetes': { ...database() },
  'one replica with a database of its own': {
    replicaCount: 1,
    weir: { cluster: { enabled: false } },
  },
  'several that share budgets only': { ...database(), weir: { cluster: { enabled: false } } },
  'endpoint slices of a service': {
    ...database(),
    weir: { cluster: { discovery: { serviceName: 'quota-weir-peers' } } },
  },
  'names of the service': { ...database(), weir: { cluster: { discovery: { type: 'dns' } } } },
  'etcd, in another region': {
    ...database(),
    weir: {
      cluster: {
        region: 'eu-west-1',
        discovery: {
          type: 'etcd',
          serviceName: 'weir',
          etcdEndpoints: ['http://etcd-0.etcd:2379', 'http://etcd-1.etcd:2379'],
        },
      },
    },
  },
  'every secret, and ports of their own': {
    ...database({ existingSecret: 'database', passwordKey: 'secret', sslMode: 'require' }),
    gossipKeys: { existingSecret: 'gossip' },
    peerTls: { existingSecret: 'peer-tls' },
    service: { grpcPort: 9000, httpPort: 9001, clusterIP: 'None', annotations: { a: 'b' } },
    weir: { cluster: { gossip: { port: 10101 }, grpc: { port: 10103 } } },
  },
  // The layout and the names of the page that Weir follows.
  "a cluster block of Bifrost's values": {
    image: { tag: 'v1' },
    nameOverride: 'bifrost',
    replicaCount: 3,
    resources: { requests: { cpu: '1000m' }, limits: { cpu: '4000m', memory: '4Gi' } },
    autoscaling: {
      enabled: true,
      minReplicas: 3,
      maxReplicas: 15,
      targetCPUUtilizationPercentage: 70,
      targetMemoryUtilizationPercentage: 75,
      behavior: { scaleUp: { stabilizationWindowSeconds: 30 } },
    },
    terminationGracePeriodSeconds: 90,
    lifecycle: { preStop: { exec: { command: ['sh', '-c', 'sleep 20'] } } },
    storage: { mode: 'postgres', ...database({ existingSecret: 'postgres-credentials' }).storage },
    bifrost: {
      cluster: {
        enabled: true,
        region: 'us-east-1',
        discovery: {
          enabled: true,
          type: 'kubernetes',
          k8sNamespace: 'prod',
          k8sLabelSelector: 'app.kubernetes.io/name=bifrost',
          allowedAddressSpace: ['10.0.0.0/8'],
        },
        gossip: {
          port: 7946,
          config: { timeoutSeconds: 10, successThreshold: 3, failureThreshold: 3 },
        },
      },
    },
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'bifrost' } },
            topologyKey: 'kubernetes.io/hostname',
          },
        ],
      },
    },
    serviceAccount: { create: true, annotations: {} },
  },
};

function database(more: object = {}) {
  return { storage: { postgresql: { external: { enabled: true, host: 'db.internal', ...more } } } };
}
