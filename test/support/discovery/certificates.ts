import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** PEM files. */
export interface Certificates {
  readonly caFile: string;
  /** Of an authority that vouches for nobody. */
  readonly otherCaFile: string;
  /** Of a server on 127.0.0.1. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

/** Authorities of the test's own, and whom one of them vouches for; by openssl. */
export function makeCertificates(folder: string): Certificates {
  const at = (name: string): string => join(folder, name);
  const make = (name: string, ...more: readonly string[]): void => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
    const args = ['req', '-x509', ...key, ...files, '-subj', `/CN=${name}`, '-days', '2', ...more];
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const vouched = ['-CA', at('ca.crt'), '-CAkey', at('ca.key')];
  const leaf = [...vouched, '-addext', 'basicConstraints=CA:FALSE'];
  make('ca');
  make('other');
  make('server', ...leaf, '-addext', 'subjectAltName=IP:127.0.0.1');
  make('client', ...leaf);
  return {
    caFile: at('ca.crt'),
    otherCaFile: at('other.crt'),
    certFile: at('server.crt'),
    keyFile: at('server.key'),
    clientCertFile: at('client.crt'),
    clientKeyFile: at('client.key'),
  };
}
