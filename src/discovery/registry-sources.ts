import { readFileSync } from 'node:fs';
import type { DiscoveryConfig } from '../config/discovery-config.js';
import type { Secret } from '../config/secret.js';
import type { SourceParts } from './configured-peer-sources.js';
import { ConsulPeerSource } from './consul-peer-source.js';
import { EtcdPeerSource } from './etcd-peer-source.js';
import { KubernetesPeerSource } from './kubernetes-peer-source.js';
import type { PeerSource } from './peer-source.js';
import { readSecretFile, type TlsFiles } from './tls-files.js';

/** The namespace of this pod, as Kubernetes writes it into every pod. */
const OWN_NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

export function consulSource({ cluster, rim, side, timeoutMs }: SourceParts): PeerSource {
  const { discovery } = cluster;
  const { consulAddress, serviceName = '', consulDatacenter } = discovery;
  const token = secretOf(discovery.consulToken, discovery.consulTokenFile);
  return new ConsulPeerSource(
    {
      address: consulAddress,
      serviceName,
      self: side.self,
      datacenter: consulDatacenter,
      token,
      tls: tlsOf(discovery),
      requestTimeoutMs: timeoutMs,
    },
    rim,
  );
}

export function etcdSource({ cluster, rim, side, timeoutMs }: SourceParts): PeerSource {
  const { discovery } = cluster;
  const { etcdEndpoints, serviceName = '', etcdUsername } = discovery;
  return new EtcdPeerSource(
    {
      endpoints: etcdEndpoints,
      serviceName,
      self: side.self,
      username: etcdUsername,
      password: secretOf(discovery.etcdPassword, discovery.etcdPasswordFile),
      tls: tlsOf(discovery),
      requestTimeoutMs: timeoutMs,
    },
    rim,
  );
}

export function kubernetesSource(parts: SourceParts): PeerSource {
  const { cluster, rim, side, timeoutMs, defaultPort } = parts;
  const { discovery } = cluster;
  const { k8sApiServer, k8sLabelSelector, k8sTokenFile, k8sCaFile } = discovery;
  return new KubernetesPeerSource(
    {
      apiServer: k8sApiServer,
      namespace: discovery.k8sNamespace ?? ownNamespace(),
      labelSelector: k8sLabelSelector,
      service: k8sLabelSelector === undefined ? discovery.serviceName : undefined,
      port: defaultPort,
      selfHost: side.self?.host,
      tokenFile: k8sTokenFile,
      caFile: k8sCaFile,
      requestTimeoutMs: timeoutMs,
    },
    rim,
  );
}

function tlsOf({ tlsCaFile, tlsCertFile, tlsKeyFile }: DiscoveryConfig): TlsFiles {
  return { caFile: tlsCaFile, certFile: tlsCertFile, keyFile: tlsKeyFile };
}

/** Asked for each time, so that a file may be rotated. */
function secretOf(
  given: Secret | undefined,
  file: string | undefined,
): (() => Promise<string>) | undefined {
  if (file !== undefined) return () => readSecretFile(file);
  return given === undefined ? undefined : () => Promise.resolve(given.reveal());
}

function ownNamespace(): string {
  try {
    return readFileSync(OWN_NAMESPACE_FILE, 'utf8').trim() || 'default';
  } catch {
    // Not in a pod.
    return 'default';
  }
}
