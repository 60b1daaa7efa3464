import type { ConfigInput } from './config-input.js';
import type { Environment } from './environment-input.js';

/** What Kubernetes tells every pod of its API; the operator may know better, so it is read first. */
export function kubernetesInput(env: Environment): ConfigInput {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (!host) return { given: [], faults: [], warnings: [] };
  const port = env['KUBERNETES_SERVICE_PORT'] || '443';
  const value = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const path = ['cluster', 'discovery', 'k8sApiServer'];
  return { given: [{ path, value, source: 'KUBERNETES_SERVICE_HOST' }], faults: [], warnings: [] };
}
