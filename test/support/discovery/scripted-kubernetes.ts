import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { freePorts, ownHost } from '../own-host.js';
import { answerJson } from '../scripted-http-server.js';

/** Pods that can be listed and watched, as far as discovery asks; no more of an API server than that. */
export class ScriptedKubernetes {
  private readonly pods = new Map<string, object>();
  private readonly watchers = new Set<ServerResponse>();
  private server: Server | undefined;
  private version = 1;

  private constructor(private readonly port: number) {}

  static async make(): Promise<ScriptedKubernetes> {
    const [port = 0] = await freePorts(1);
    return new ScriptedKubernetes(port);
  }

  get url(): string {
    return `http://${ownHost()}:${this.port}`;
  }

  async start(): Promise<void> {
    this.server = createServer((request, response) => this.answer(request, response));
    this.server.listen(this.port, ownHost());
    await once(this.server, 'listening');
  }

  async kill(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  put(name: string, podIP: string): void {
    this.version += 1;
    const metadata = { name, uid: name, resourceVersion: String(this.version) };
    const pod = { metadata, status: { phase: 'Running', podIP } };
    this.pods.set(name, pod);
    this.tell('ADDED', pod);
  }

  remove(name: string): void {
    const pod = this.pods.get(name);
    if (pod === undefined) return;
    this.version += 1;
    this.pods.delete(name);
    this.tell('DELETED', { ...pod, metadata: { name, resourceVersion: String(this.version) } });
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const query = new URL(request.url ?? '', this.url).searchParams;
    const metadata = { resourceVersion: String(this.version) };
    if (query.get('watch') === null) {
      answerJson(response, { metadata, items: [...this.pods.values()] });
    } else if (query.get('resourceVersion') === String(this.version)) {
      response.flushHeaders();
      this.watchers.add(response);
      response.on('close', () => this.watchers.delete(response));
    } else {
      // It remembers nothing but the present.
      answerJson(response, { kind: 'Status', code: 410, message: 'too old' }, 410);
    }
  }

  private tell(type: string, object: object): void {
    for (const watcher of this.watchers) watcher.write(`${JSON.stringify({ type, object })}\n`);
  }
}
