import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import type { ClusterConfig } from '../../src/config/cluster-config.js';
import { ConfigError } from '../../src/config/config-error.js';
import { describeConfig } from '../../src/config/describe-config.js';
import { durationMs } from '../../src/config/duration.js';
import { loadConfig } from '../../src/config/load-config.js';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'weir-cluster-config-'));
});

afterEach(() => {
  removeFolderSync(cwd);
});

const DATABASE = { WEIR_STORAGE_POSTGRES_HOST: 'db.internal' };

function clusterOf(yaml: string, env: Record<string, string> = DATABASE): ClusterConfig {
  writeFileSync(join(cwd, 'weir.yaml'), yaml);
  return loadConfig({ env, cwd }).config.cluster;
}

function faultsOf(yaml: string, env: Record<string, string> = DATABASE): string[] {
  try {
    clusterOf(yaml, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ key, value, problem }) => `${key}=${value ?? ''}: ${problem}`);
  }
  return [];
}

const gossip = { port: 7946 };

/** The cluster part of each block of Bifrost's page on cluster mode, with what it must come to. */
const PAGE: readonly (readonly [name: string, cluster: object])[] = [
  [
    'basic set-up',
    {
      enabled: true,
      gossip: {
        port: 10_101,
        config: { timeoutSeconds: 10, successThreshold: 3, failureThreshold: 3 },
      },
      grpc: { port: 10_102 },
    },
  ],
  [
    'Kubernetes',
    {
      enabled: true,
      discovery: {
        enabled: true,
        type: 'kubernetes',
        k8sNamespace: 'default',
        k8sLabelSelector: 'app.kubernetes.io/name=bifrost',
      },
      gossip,
    },
  ],
  [
    'DNS',
    {
      enabled: true,
      discovery: {
        enabled: true,
        type: 'dns',
        dnsNames: ['bifrost-headless.default.svc.cluster.local'],
      },
      gossip,
    },
  ],
  [
    'static peers',
    {
      enabled: true,
      peers: [0, 1, 2].map((n) => `bifrost-${n}.bifrost-headless.default.svc.cluster.local:7946`),
      gossip,
    },
  ],
  [
    'Consul',
    {
      enabled: true,
      discovery: {
        enabled: true,
        type: 'consul',
        serviceName: 'bifrost-cluster',
        consulAddress: 'consul.consul.svc.cluster.local:8500',
      },
      gossip,
    },
  ],
  [
    'etcd',
    {
      enabled: true,
      discovery: {
        enabled: true,
        type: 'etcd',
        serviceName: 'bifrost-cluster',
        etcdEndpoints: [0, 1, 2].map((n) => `http://etcd-${n}.etcd.default.svc.cluster.local:2379`),
      },
      gossip,
    },
  ],
  [
    'mDNS',
    {
      enabled: true,
      discovery: { enabled: true, type: 'mdns', mdnsService: '_bifrost._tcp' },
      gossip,
    },
  ],
  [
    'allowed address space',
    {
      discovery: {
        enabled: true,
        type: 'kubernetes',
        k8sNamespace: 'default',
        k8sLabelSelector: 'app.kubernetes.io/name=bifrost',
        allowedAddressSpace: ['10.0.0.0/8', '172.16.0.0/12'],
      },
    },
  ],
  ['region', { enabled: true, region: 'us-east-1' }],
  [
    'full production example',
    {
      enabled: true,
      region: 'us-east-1',
      discovery: {
        enabled: true,
        type: 'kubernetes',
        k8sNamespace: 'default',
        k8sLabelSelector: 'app.kubernetes.io/name=bifrost',
      },
      gossip: {
        port: 7946,
        config: { timeoutSeconds: 10, successThreshold: 3, failureThreshold: 3 },
      },
    },
  ],
];

// JSON is YAML, so a block is written as it is compared.
describe.each(PAGE)("Bifrost's block: %s", (_, cluster) => {
  it('loads as it stands, below bifrost', () => {
    expect(clusterOf(JSON.stringify({ bifrost: { cluster } }))).toMatchObject(cluster);
  });

  it('loads without the level above', () => {
    expect(clusterOf(JSON.stringify({ cluster }))).toMatchObject(cluster);
  });
});

describe('the block of the cluster', () => {
  it('is off unless it is asked for, and then has the ports that its users know', () => {
    const cluster = clusterOf('', {});
    expect(cluster.enabled).toBe(false);
    expect([cluster.gossip.port, cluster.grpc.port, cluster.syncIntervalMs]).toEqual([
      7946, 10_102, 50,
    ]);
  });

  it('is read in the indentation of a values file', () => {
    const text = 'bifrost:\n  cluster:\n    enabled: true\n    region: "us-east-1"\n';
    expect(clusterOf(text)).toMatchObject({ enabled: true, region: 'us-east-1' });
  });

  it('says of anything else below bifrost that it is not read', () => {
    expect(faultsOf('bifrost: { client: { initialPoolSize: 1 }, cluster: {} }')).toEqual([
      'bifrost.client=: is not read; of this block only cluster is. Remove the rest',
    ]);
    expect(faultsOf('bifrost: 5')).toEqual([expect.stringMatching(/^bifrost=: is not read/)]);
    expect(faultsOf('bifrost:')).toEqual([]);
  });

  it('stands in one place', () => {
    expect(faultsOf('cluster: {}\nbifrost: { cluster: {} }')).toEqual([
      'cluster=: is the same setting as cluster: keep one',
    ]);
  });

  it('refuses the embedded database, and says what to set', () => {
    expect(faultsOf('cluster: { enabled: true }', {})).toEqual([
      expect.stringMatching(/^cluster\.enabled=true: needs a PostgreSQL.*storage\.postgres\.host/),
    ]);
  });

  it('takes lists from variables, separated by commas', () => {
    const cluster = clusterOf('', {
      ...DATABASE,
      WEIR_CLUSTER_ENABLED: 'true',
      WEIR_CLUSTER_PEERS: 'weir-0:7946, [::1]:7946',
      WEIR_CLUSTER_DISCOVERY_ALLOWED_ADDRESS_SPACE: '10.0.0.0/8',
    });
    expect(cluster.peers).toEqual(['weir-0:7946', '[::1]:7946']);
    expect(cluster.discovery.allowedAddressSpace).toEqual(['10.0.0.0/8']);
  });

  it.each([
    ['cluster: { peers: weir-0 }', 'cluster.peers="weir-0": must be a list'],
    ['cluster: { peers: ["http://a:1"] }', 'cluster.peers=["http://a:1"]: must be a list'],
    ['cluster: { peers: [7] }', 'cluster.peers=[7]: must be a list'],
    ['cluster: { gossip: { preset: fast } }', 'cluster.gossip.preset="fast": must be one of lan'],
    [
      'cluster: { gossip: { config: { timeoutSeconds: 0 } } }',
      'cluster.gossip.config.timeoutSeconds',
    ],
    ['cluster: { discovery: { type: broadcast } }', 'cluster.discovery.type="broadcast": must be'],
    ['cluster: { discovery: { dialTimeout: 10 } }', 'cluster.discovery.dialTimeout=10: must be'],
    ['cluster: { discovery: { allowedAddressSpace: [10.0.0.0/33] } }', 'cluster.discovery.allowed'],
    [
      'cluster: { enabled: true, discovery: { enabled: true } }',
      'cluster.discovery.type=: is missing',
    ],
    ['cluster: { gossip: { keys: [a], keyFile: b } }', 'cluster.gossip.keyFile=: cannot be set'],
    [
      'cluster: { grpc: { tls: { certFile: a, keyFile: b } } }',
      'cluster.grpc.tls.caFile=: is miss',
    ],
    ['cluster: { gossip: { timings: { probeInterval: 1 } } }', 'cluster.gossip.timings.probeInter'],
  ])('refuses %s', (yaml, start) => {
    expect(faultsOf(yaml)).toEqual([expect.stringContaining(start)]);
  });
});

describe('keys of the gossip', () => {
  const key = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=';

  it('are never shown', () => {
    writeFileSync(join(cwd, 'weir.yaml'), `cluster: { gossip: { keys: ["${key}"] } }`);
    const { config, sources } = loadConfig({ env: {}, cwd });
    expect(config.cluster.gossip.keys.map((one) => one.reveal())).toEqual([key]);
    const shown = [
      JSON.stringify(describeConfig(config, sources)),
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
    ];
    for (const text of shown) expect(text).not.toContain(key);
  });

  it.each([
    `cluster: { gossip: { keys: "${key}" } }`,
    `cluster: { gossip: { keys: ["${key}", 7] } }`,
    `cluster: { gossip: { keyz: ["${key}"] } }`,
  ])('are not shown by the faults of %s', (yaml) => {
    const faults = faultsOf(yaml);
    expect(faults).toHaveLength(1);
    expect(faults.join()).not.toContain(key);
  });
});

describe('durationMs', () => {
  it.each<[string, number | undefined]>([
    ['10s', 10_000],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1.5s', 1500],
    ['10', undefined],
    ['', undefined],
    ['0s', undefined],
    ['25h', undefined],
    ['1s 1s', undefined],
  ])('reads %j as %p', (text, expected) => {
    expect(durationMs(text)).toBe(expected);
  });
});

describe('discovery', () => {
  const of = (discovery: object, more: object = {}): string[] =>
    faultsOf(
      JSON.stringify({
        cluster: { enabled: true, discovery: { enabled: true, ...discovery }, ...more },
      }),
    );
  const KEY = 'cluster.discovery.';

  it.each([
    ['no type', {}, [`${KEY}type=: is missing`]],
    [
      'a type that does not exist',
      { type: 'zookeeper' },
      [`${KEY}type="zookeeper": must be one of`],
    ],
    ['static without peers', { type: 'static' }, ['cluster.peers=: is empty, and type static']],
    ['dns without names', { type: 'dns' }, [`${KEY}dnsNames=: is missing, and type dns needs it`]],
    [
      'kubernetes without selector or service',
      { type: 'kubernetes' },
      [
        `${KEY}k8sLabelSelector=: is missing, and type kubernetes needs it, unless ${KEY}serviceName`,
      ],
    ],
    ['consul without a name', { type: 'consul' }, [`${KEY}serviceName=: is missing`]],
    [
      'etcd without name and endpoints',
      { type: 'etcd' },
      [`${KEY}serviceName=: is missing`, `${KEY}etcdEndpoints=: is missing`],
    ],
    [
      'udp without anything',
      { type: 'udp' },
      [
        `${KEY}serviceName=: is missing`,
        `${KEY}udpBroadcastPort=: is missing`,
        `${KEY}allowedAddressSpace=: is missing, and type udp needs it: anybody in the broadcast`,
      ],
    ],
    [
      'keys of another type',
      { type: 'dns', dnsNames: ['weir'], etcdEndpoints: ['http://etcd:2379'] },
      [`${KEY}etcdEndpoints=: belongs to type etcd, and type is dns`],
    ],
    [
      'a service type that is none',
      { type: 'mdns', mdnsService: 'weir' },
      [`${KEY}mdnsService="weir": is no service type: write it like _weir._tcp`],
    ],
    [
      'beacons on the port of the gossip',
      {
        type: 'udp',
        serviceName: 'w',
        udpBroadcastPort: 7946,
        allowedAddressSpace: ['10.0.0.0/8'],
      },
      [`${KEY}udpBroadcastPort=7946: is the port of the gossip`],
    ],
    [
      'a network that does not parse',
      { type: 'mdns', allowedAddressSpace: ['10.0.0.0/33'] },
      [`${KEY}allowedAddressSpace=["10.0.0.0/33"]: must be a list of`],
    ],
    [
      'a network that does not parse, where one is needed, with one line',
      { type: 'udp', serviceName: 'w', udpBroadcastPort: 7, allowedAddressSpace: ['fd00::/129'] },
      [`${KEY}allowedAddressSpace=["fd00::/129"]: must be a list of`],
    ],
    [
      'a name server by name',
      { type: 'dns', dnsNames: ['weir'], dnsServers: ['dns.internal:53'] },
      [`${KEY}dnsServers=["dns.internal:53"]: must be a list of`],
    ],
  ])('refuses %s, and names the key', (_name, discovery, starts) => {
    expect(of(discovery)).toEqual(starts.map((start) => expect.stringContaining(start)));
  });

  it.each([
    ['dns with peers: both are used', { type: 'dns', dnsNames: ['weir'] }, { peers: ['a:7946'] }],
    ['empty lists of other types', { type: 'mdns', dnsNames: [], etcdEndpoints: [] }, {}],
    ['kubernetes by service', { type: 'kubernetes', serviceName: 'weir' }, {}],
    [
      'name servers',
      { type: 'dns', dnsNames: ['weir'], dnsServers: ['10.0.0.2', '[fd00::1]:53'] },
      {},
    ],
  ])('takes %s', (_name, discovery, more) => {
    expect(of(discovery, more)).toEqual([]);
  });

  it('is not looked at while it is not enabled', () => {
    expect(of({ enabled: false, type: 'udp' })).toEqual([]);
  });
});
