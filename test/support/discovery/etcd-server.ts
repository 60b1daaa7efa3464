import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolderSync } from '../../../src/common/remove-folder.js';
import { freePorts, ownHost } from '../own-host.js';
import { goProgram } from './go-program.js';
import { ServerProcess } from './server-process.js';

/** One member of etcd, really running, with its data in a folder of its own. */
export class EtcdServer {
  private readonly process: ServerProcess;
  private rootToken: string | undefined;

  private constructor(
    private readonly folder: string,
    readonly url: string,
    peerUrl: string,
    extra: readonly string[],
  ) {
    const command = [
      goProgram('etcd'),
      `--data-dir=${join(folder, 'data')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      '--log-level=error',
      // Fast elections, and no waiting for a disk that only a test reads.
      '--heartbeat-interval=50',
      '--election-timeout=500',
      '--unsafe-no-fsync',
      ...extra,
    ];
    this.process = new ServerProcess('etcd', command, () => this.isHealthy());
  }

  static async make(extra: readonly string[] = []): Promise<EtcdServer> {
    const folder = mkdtempSync(join(tmpdir(), 'weir-etcd-'));
    const [client, peer] = await freePorts(2);
    const at = `http://${ownHost()}`;
    return new EtcdServer(folder, `${at}:${client}`, `${at}:${peer}`, extra);
  }

  start(): Promise<void> {
    return this.process.start();
  }

  kill(): Promise<void> {
    return this.process.kill();
  }

  pause(): void {
    this.process.pause();
  }

  resume(): void {
    this.process.resume();
  }

  async remove(): Promise<void> {
    await this.kill();
    removeFolderSync(this.folder);
  }

  /** Everything that was written, forgotten: as a new server behind the same address. */
  forget(): void {
    removeFolderSync(join(this.folder, 'data'));
  }

  async put(key: string, value: string): Promise<void> {
    await this.ask('/v3/kv/put', { key: base64(key), value: base64(value) });
  }

  async delete(key: string): Promise<void> {
    await this.ask('/v3/kv/deleterange', { key: base64(key) });
  }

  async keys(prefix: string): Promise<readonly string[]> {
    const rangeEnd = base64(`${prefix.slice(0, -1)}0`);
    const found = await this.ask('/v3/kv/range', { key: base64(prefix), range_end: rangeEnd });
    const { kvs = [] } = found as { kvs?: readonly { readonly key: string }[] };
    return kvs.map(({ key }) => Buffer.from(key, 'base64').toString());
  }

  async revision(): Promise<string> {
    const { header } = (await this.ask('/v3/kv/range', { key: base64('x') })) as {
      header: { revision: string };
    };
    return header.revision;
  }

  async compact(revision: string): Promise<void> {
    await this.ask('/v3/kv/compaction', { revision, physical: true });
  }

  async leases(): Promise<readonly string[]> {
    const { leases = [] } = (await this.ask('/v3/lease/leases', {})) as {
      leases?: readonly { readonly ID: string }[];
    };
    return leases.map(({ ID }) => ID);
  }

  async revokeLeases(): Promise<void> {
    for (const ID of await this.leases())
      await this.ask('/v3/lease/revoke', { ID }).catch((error: unknown) => {
        // One of an earlier test may run out before its turn comes.
        if (!String(error).includes('lease not found')) throw error;
      });
  }

  /** From now on nobody gets in without a name; this object is root. */
  async enableAuth(): Promise<void> {
    await this.addUser('root', 'root-secret', 'root');
    await this.ask('/v3/auth/enable', {});
    await this.logIn();
  }

  /** A user who may do everything below the prefix, and nothing elsewhere. */
  async addUserOf(prefix: string, name: string, password: string): Promise<void> {
    const span = { key: base64(prefix), range_end: base64(`${prefix.slice(0, -1)}0`) };
    await this.ask('/v3/auth/role/add', { name: `of-${name}` });
    const perm = { permType: 'READWRITE', ...span };
    await this.ask('/v3/auth/role/grant', { name: `of-${name}`, perm });
    await this.ask('/v3/auth/user/add', { name, password });
    await this.ask('/v3/auth/user/grant', { user: name, role: `of-${name}` });
  }

  async changePassword(name: string, password: string): Promise<void> {
    await this.ask('/v3/auth/user/changepw', { name, password });
  }

  private async addUser(name: string, password: string, role: string): Promise<void> {
    await this.ask('/v3/auth/user/add', { name, password });
    await this.ask('/v3/auth/role/add', { name: role });
    await this.ask('/v3/auth/user/grant', { user: name, role });
  }

  /** Tokens do not outlive the server. */
  async logIn(): Promise<void> {
    this.rootToken = undefined;
    const login = { name: 'root', password: 'root-secret' };
    const { token } = (await this.ask('/v3/auth/authenticate', login)) as { token: string };
    this.rootToken = token;
  }

  private async ask(path: string, body: object): Promise<unknown> {
    const headers = this.rootToken === undefined ? {} : { authorization: this.rootToken };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    const answer = await fetch(this.url + path, request);
    if (!answer.ok) throw new Error(`etcd: ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  private async isHealthy(): Promise<boolean> {
    return (await fetch(`${this.url}/health`)).ok;
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
