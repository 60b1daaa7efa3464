import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolderSync } from '../../../src/common/remove-folder.js';
import { freePorts, ownHost } from '../own-host.js';
import { debianConsul } from './debian-consul.js';
import { ServerProcess } from './server-process.js';

interface Registered {
  readonly ID: string;
  readonly Tags: readonly string[];
  readonly Meta: Readonly<Record<string, string>>;
}

/** A Consul server, really running, with its data in a folder of its own. */
export class ConsulServer {
  private readonly process: ServerProcess;

  private constructor(
    private readonly folder: string,
    readonly url: string,
    ports: readonly number[],
    private readonly rootToken: string | undefined,
  ) {
    const [http, server, serf] = ports;
    const command = [
      debianConsul(),
      'agent',
      '-server',
      '-bootstrap-expect=1',
      '-node=here',
      `-bind=${ownHost()}`,
      `-client=${ownHost()}`,
      `-data-dir=${join(folder, 'data')}`,
      `-hcl=ports { http = ${http} dns = -1 grpc = -1 server = ${server} serf_lan = ${serf} serf_wan = -1 }`,
      '-hcl=performance { raft_multiplier = 1 }',
      '-hcl=disable_update_check = true',
      ...(rootToken === undefined
        ? []
        : [
            `-hcl=acl { enabled = true default_policy = "deny" tokens { master = "${rootToken}" agent = "${rootToken}" } }`,
          ]),
    ];
    this.process = new ServerProcess('Consul', command, () => this.hasLeader());
  }

  static async make(options: { readonly acl: boolean }): Promise<ConsulServer> {
    const folder = mkdtempSync(join(tmpdir(), 'weir-consul-'));
    const ports = await freePorts(3);
    const rootToken = options.acl ? randomUUID() : undefined;
    return new ConsulServer(folder, `http://${ownHost()}:${ports[0]}`, ports, rootToken);
  }

  start(): Promise<void> {
    return this.process.start();
  }

  kill(): Promise<void> {
    return this.process.kill();
  }

  async remove(): Promise<void> {
    await this.kill();
    removeFolderSync(this.folder);
  }

  /** Everything that was written, forgotten: as a new server behind the same address. */
  forget(): void {
    removeFolderSync(join(this.folder, 'data'));
  }

  async services(): Promise<readonly Registered[]> {
    const all = (await this.ask('GET', '/v1/agent/services')) as Record<string, Registered>;
    return Object.values(all);
  }

  async deregister(id: string): Promise<void> {
    await this.ask('PUT', `/v1/agent/service/deregister/${id}`);
  }

  async registerForeign(body: object): Promise<void> {
    await this.ask('PUT', '/v1/agent/service/register', body);
  }

  /** A token that may do what the rules say. */
  async makeToken(rules: string): Promise<string> {
    const Name = `p-${randomUUID()}`;
    await this.ask('PUT', '/v1/acl/policy', { Name, Rules: rules });
    const token = await this.ask('PUT', '/v1/acl/token', { Policies: [{ Name }] });
    return (token as { SecretID: string }).SecretID;
  }

  private async ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(this.url + path, {
      method,
      headers: this.rootToken === undefined ? {} : { 'x-consul-token': this.rootToken },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`Consul: ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** A leader, and the node in its catalogue: only then do services show up. */
  private async hasLeader(): Promise<boolean> {
    const nodes = await this.ask('GET', '/v1/catalog/nodes');
    return Array.isArray(nodes) && nodes.length > 0;
  }
}
