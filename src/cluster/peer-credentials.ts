import { readFileSync } from 'node:fs';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { ClusterTlsConfig } from '../config/cluster-grpc-config.js';
import { ConfigError } from '../config/config-error.js';

/** What both ends of a stream between replicas show each other. */
export interface PeerCredentials {
  readonly server: ServerCredentials;
  readonly client: ChannelCredentials;
  /** Whether a peer must show a certificate of our authorities. */
  readonly isMutual: boolean;
}

/**
 * Mutual TLS where certificates are set, else none. A certificate is trusted for being signed by the
 * authorities of `caFile`, whatever name it carries: replicas are dialled by the addresses that gossip
 * tells, and pods have no names to be certified.
 *
 * @throws ConfigError that names the setting whose file cannot be used.
 */
export function peerCredentials(tls: ClusterTlsConfig): PeerCredentials {
  const { certFile, keyFile, caFile } = tls;
  if (certFile === undefined || keyFile === undefined || caFile === undefined)
    return {
      server: ServerCredentials.createInsecure(),
      client: ChannelCredentials.createInsecure(),
      isMutual: false,
    };
  const ca = contentOf('caFile', caFile);
  const cert = contentOf('certFile', certFile);
  const key = contentOf('keyFile', keyFile);
  try {
    return {
      server: ServerCredentials.createSsl(ca, [{ cert_chain: cert, private_key: key }], true),
      client: ChannelCredentials.createSsl(ca, key, cert, {
        checkServerIdentity: () => undefined,
      }),
      isMutual: true,
    };
  } catch (error) {
    throw fault('certFile', `does not fit cluster.grpc.tls.keyFile or is no PEM: ${text(error)}`);
  }
}

function contentOf(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fault(setting, `cannot be read: ${text(error)}`);
  }
}

const fault = (setting: string, problem: string): ConfigError =>
  new ConfigError([{ key: `cluster.grpc.tls.${setting}`, problem }]);

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
