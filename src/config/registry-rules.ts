import { serviceUrl } from '../common/service-url.js';
import type { ConfigFault } from './config-error.js';
import type { DiscoveryConfig, DiscoveryType } from './discovery-config.js';

const keyOf = (key: keyof DiscoveryConfig): string => `cluster.discovery.${key}`;

/** What Consul, etcd and Kubernetes ask of their settings beside being there. */
export function registryFaults(
  discovery: DiscoveryConfig,
  type: DiscoveryType,
): readonly ConfigFault[] {
  return [
    ...exclusiveFaults(discovery),
    ...loginFaults(discovery),
    ...addressFaults(discovery, type),
    ...nameFaults(discovery, type),
  ];
}

function exclusiveFaults(discovery: DiscoveryConfig): readonly ConfigFault[] {
  const pairs = [
    ['consulToken', 'consulTokenFile'],
    ['etcdPassword', 'etcdPasswordFile'],
  ] as const;
  return pairs
    .filter(([one, other]) => discovery[one] !== undefined && discovery[other] !== undefined)
    .map(([one, other]) => ({
      key: keyOf(other),
      problem: `cannot be set together with ${keyOf(one)}: keep one`,
    }));
}

/** Half a login, or half a certificate, would silently be none. */
function loginFaults(discovery: DiscoveryConfig): readonly ConfigFault[] {
  const { etcdUsername, etcdPassword, etcdPasswordFile, tlsCertFile, tlsKeyFile } = discovery;
  const hasPassword = etcdPassword !== undefined || etcdPasswordFile !== undefined;
  const faults: ConfigFault[] = [];
  if (hasPassword && etcdUsername === undefined)
    faults.push({ key: keyOf('etcdUsername'), problem: 'is missing: whose password is it?' });
  if (!hasPassword && etcdUsername !== undefined)
    faults.push({ key: keyOf('etcdPasswordFile'), problem: 'is missing for etcdUsername' });
  if (tlsCertFile !== undefined && tlsKeyFile === undefined)
    faults.push({ key: keyOf('tlsKeyFile'), problem: 'is missing for tlsCertFile' });
  if (tlsCertFile === undefined && tlsKeyFile !== undefined)
    faults.push({ key: keyOf('tlsCertFile'), problem: 'is missing for tlsKeyFile' });
  return faults;
}

function addressFaults(
  { consulAddress, etcdEndpoints, k8sApiServer }: DiscoveryConfig,
  type: DiscoveryType,
): readonly ConfigFault[] {
  const isUrl = (text: string): boolean => serviceUrl(text, { port: 1, isTls: true }) !== undefined;
  const given: Readonly<Partial<Record<DiscoveryType, readonly (readonly [string, string])[]>>> = {
    consul: [[keyOf('consulAddress'), consulAddress]],
    etcd: etcdEndpoints.map((text, index) => [`${keyOf('etcdEndpoints')}[${index}]`, text]),
    kubernetes: [[keyOf('k8sApiServer'), k8sApiServer]],
  };
  return (given[type] ?? [])
    .filter(([, text]) => !isUrl(text))
    .map(([key, text]) => ({
      key,
      value: JSON.stringify(text),
      problem: 'is no address: write host:port, http://host:port or https://host:port',
    }));
}

/** The name is a part of a key in etcd, and of a path in Consul and Kubernetes. */
function nameFaults({ serviceName }: DiscoveryConfig, type: DiscoveryType): readonly ConfigFault[] {
  const isUsed = type === 'etcd' || type === 'consul' || type === 'kubernetes';
  if (!isUsed || serviceName === undefined || /^[\w.-]{1,63}$/.test(serviceName)) return [];
  return [
    {
      key: keyOf('serviceName'),
      value: JSON.stringify(serviceName),
      problem: 'must be 1 to 63 letters, digits, dots, dashes or underscores',
    },
  ];
}
