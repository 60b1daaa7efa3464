import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import { ConfigError } from '../../src/config/config-error.js';
import { loadConfig } from '../../src/config/load-config.js';

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'weir-registry-config-'));
});

afterEach(() => {
  removeFolderSync(cwd);
});

function load(discovery: object, env: Record<string, string> = {}) {
  const cluster = { enabled: true, discovery: { enabled: true, ...discovery } };
  writeFileSync(join(cwd, 'weir.yaml'), stringify({ cluster }));
  const all = { WEIR_STORAGE_POSTGRES_HOST: 'db.internal', ...env };
  return loadConfig({ env: all, cwd });
}

function faultsOf(discovery: object): readonly string[] {
  try {
    load(discovery);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ key, problem }) => `${key} ${problem}`);
  }
}

const etcd = { type: 'etcd', serviceName: 'weir', etcdEndpoints: ['http://etcd-0:2379'] };
const consul = { type: 'consul', serviceName: 'weir' };

describe('settings of Consul, etcd and Kubernetes', () => {
  it.each([
    ['consul', consul],
    [
      'consul with all',
      { ...consul, consulTokenFile: '/t', consulDatacenter: 'dc2', tlsCaFile: '/c' },
    ],
    ['etcd', etcd],
    ['etcd with all', { ...etcd, etcdUsername: 'weir', etcdPasswordFile: '/p', tlsCaFile: '/c' }],
    ['kubernetes by label', { type: 'kubernetes', k8sLabelSelector: 'app=weir' }],
    ['kubernetes by service', { type: 'kubernetes', serviceName: 'weir-headless' }],
  ])('are enough: %s', (_, discovery) => {
    expect(faultsOf(discovery)).toEqual([]);
  });

  it.each([
    [{ type: 'consul' }, /serviceName is missing/],
    [{ ...etcd, etcdEndpoints: [] }, /etcdEndpoints is missing/],
    [{ ...etcd, etcdEndpoints: ['ok:1', 'ftp://x'] }, /etcdEndpoints\[1\] is no address/],
    [{ ...consul, consulAddress: 'http://user:pw@x' }, /consulAddress is no address/],
    [
      { ...consul, consulToken: 'x', consulTokenFile: '/x' },
      /consulTokenFile cannot be set together/,
    ],
    [{ ...consul, etcdUsername: 'x' }, /etcdUsername belongs to type etcd/],
    [{ ...etcd, etcdUsername: 'x' }, /etcdPasswordFile is missing for etcdUsername/],
    [{ ...etcd, etcdPassword: 'x' }, /etcdUsername is missing: whose password/],
    [{ ...etcd, tlsCertFile: '/x' }, /tlsKeyFile is missing for tlsCertFile/],
    [{ ...etcd, serviceName: 'a/b' }, /serviceName must be 1 to 63 letters/],
    [{ type: 'kubernetes' }, /k8sLabelSelector is missing/],
  ])('that do not go together are told: %j', (discovery, words) => {
    expect(faultsOf(discovery).join('\n')).toMatch(words);
  });

  it('take the address of the API from what Kubernetes tells a pod, unless somebody knows better', () => {
    const inPod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    const discovery = { type: 'kubernetes', k8sLabelSelector: 'app=weir' };
    const own = { ...discovery, k8sApiServer: 'https://api:6443' };
    const key = 'cluster.discovery.k8sApiServer';
    const { config, sources } = load(discovery, inPod);
    expect(config.cluster.discovery.k8sApiServer).toBe('https://[fd00::1]:6443');
    expect(sources.get(key)).toBe('KUBERNETES_SERVICE_HOST');
    expect(load(own, inPod).config.cluster.discovery.k8sApiServer).toBe('https://api:6443');
    expect(load(discovery).config.cluster.discovery.k8sApiServer).toBe(
      'https://kubernetes.default.svc',
    );
  });
});
