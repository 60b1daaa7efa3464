/** `http://host:port`, `https://host:port` or `host:port`, as lists of etcd endpoints have them. */
import { serviceUrl } from '../../common/service-url.js';

export interface EtcdEndpoint {
  /** `host:port`, IPv6 in brackets. */
  readonly target: string;
  readonly isTls: boolean;
}

/** `undefined` if it is none. One without a scheme uses TLS if there are files for TLS. */
export function parseEtcdEndpoint(text: string, hasTlsFiles: boolean): EtcdEndpoint | undefined {
  const url = serviceUrl(text, { port: 2379, isTls: hasTlsFiles });
  const [scheme, target] = url?.split('://') ?? [];
  if (target === undefined || target.includes('/')) return undefined;
  return { target, isTls: scheme === 'https' };
}
