import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolderSync } from '../../../src/common/remove-folder.js';
import { freePorts } from '../own-host.js';
import { EtcdServer } from './etcd-server.js';
import { goProgram } from './go-program.js';
import { ServerProcess } from './server-process.js';

const ADMIN_TOKEN = 'admin-of-the-test';

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Of any kind; the rest is as the API has it. */
export interface NamedObject {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

export interface PodState {
  readonly labels: Readonly<Record<string, string>>;
  readonly phase?: string;
  readonly ips: readonly string[];
}

/**
 * kube-apiserver, really running, on an etcd of its own and with RBAC on. There is no kubelet: a test
 * writes the status of pods itself.
 */
export class KubeApiServer {
  private readonly process: ServerProcess;

  private constructor(
    readonly folder: string,
    readonly etcd: EtcdServer,
    private readonly port: number,
  ) {
    const at = (file: string): string => join(folder, file);
    const command = [
      goProgram('kube-apiserver'),
      `--etcd-servers=${etcd.url}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      '--advertise-address=10.255.255.1',
      '--endpoint-reconciler-type=none',
      `--tls-cert-file=${at('server.crt')}`,
      `--tls-private-key-file=${at('server.key')}`,
      `--service-account-key-file=${at('accounts.pub')}`,
      `--service-account-signing-key-file=${at('accounts.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--token-auth-file=${at('tokens.csv')}`,
      '--anonymous-auth=false',
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/16',
      // Pods are made without an account of their own, and without a controller that would give them one.
      '--disable-admission-plugins=ServiceAccount',
      '--profiling=false',
      '--v=0',
    ];
    this.process = new ServerProcess('kube-apiserver', command, () => this.isReady());
  }

  static async make(): Promise<KubeApiServer> {
    const folder = mkdtempSync(join(tmpdir(), 'weir-kube-'));
    writeCertificates(folder);
    writeFileSync(join(folder, 'tokens.csv'), `${ADMIN_TOKEN},admin,admin,system:masters\n`);
    const [port = 0] = await freePorts(1, '127.0.0.1');
    const etcd = await EtcdServer.make();
    await etcd.start();
    return new KubeApiServer(folder, etcd, port);
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** The server's own certificate, which nobody else vouches for. */
  get caFile(): string {
    return join(this.folder, 'server.crt');
  }

  /** What helm needs to be told to come as an administrator. */
  get helmArguments(): readonly string[] {
    const { url, caFile } = this;
    return ['--kube-apiserver', url, '--kube-ca-file', caFile, '--kube-token', ADMIN_TOKEN];
  }

  start(): Promise<void> {
    return this.process.start();
  }

  /** What etcd has stays. */
  kill(): Promise<void> {
    return this.process.kill();
  }

  async remove(): Promise<void> {
    await this.kill();
    await this.etcd.remove();
    removeFolderSync(this.folder);
  }

  /** Makes any object; one that is there already is replaced. */
  async apply(path: string, object: NamedObject): Promise<void> {
    const made = await this.ask('POST', path, object);
    if (made.status === 409) await this.expect('PUT', `${path}/${object.metadata.name}`, object);
    else if (made.status >= 300) throw refused('POST', path, made);
  }

  async delete(path: string): Promise<void> {
    await this.expect('DELETE', `${path}?gracePeriodSeconds=0`);
  }

  /** A pod as a kubelet would have it after a while. */
  async putPod(namespace: string, name: string, state: PodState): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const spec = { containers: [{ name: 'weir', image: 'weir' }] };
    const metadata = { name, labels: state.labels };
    const { status } = await this.ask('POST', path, { metadata, spec });
    if (status !== 201 && status !== 409) throw new Error(`pod ${name}: ${status}`);
    await this.setStatus(namespace, name, state);
  }

  /** At once; it may be gone already. */
  async removePod(namespace: string, name: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`;
    const answer = await this.ask('DELETE', path);
    if (answer.status >= 300 && answer.status !== 404) throw refused('DELETE', path, answer);
  }

  async setStatus(namespace: string, name: string, { phase, ips }: PodState): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    const [podIP = ''] = ips;
    const status = {
      phase: phase ?? 'Running',
      podIP,
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: 'False' }],
    };
    await this.expect('PATCH', `${path}/status`, { status });
  }

  /** A token of the account, as a kubelet would mount it; makes the account if need be. */
  async tokenOf(namespace: string, account: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await this.ask('POST', path, { metadata: { name: account } });
    const made = await this.expect('POST', `${path}/${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600 },
    });
    return (made.body as { status: { token: string } }).status.token;
  }

  private async expect(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await this.ask(method, path, body);
    if (answer.status >= 300) throw refused(method, path, answer);
    return answer;
  }

  private async ask(method: string, path: string, body?: object): Promise<Answer> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const call = request(this.url + path, {
      method,
      ca: readFileSync(this.caFile),
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': type },
      agent: false,
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += String(piece);
    return { status: response.statusCode ?? 0, body: parsed(text) };
  }

  private async isReady(): Promise<boolean> {
    return (await this.ask('GET', '/readyz')).status === 200;
  }
}

const refused = (method: string, path: string, { status, body }: Answer): Error =>
  new Error(`kube-apiserver: ${method} ${path}: ${status} ${JSON.stringify(body)}`);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function writeCertificates(folder: string): void {
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const names = 'subjectAltName=IP:127.0.0.1';
  const subject = ['-subj', '/CN=kube-apiserver', '-addext', names, '-days', '2'];
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.crt'];
  openssl('req', '-x509', ...key, ...subject);
  openssl('genrsa', '-out', 'accounts.key', '2048');
  openssl('rsa', '-in', 'accounts.key', '-pubout', '-out', 'accounts.pub');
}
