import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export type Script = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server that does what a test says, also what no decent server does. */
export class ScriptedHttpServer {
  /** Method and path with query, oldest first. */
  readonly requests: string[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private port = 0;
  /** Connections that were ever made. */
  connections = 0;

  constructor(public script: Script) {
    this.server = createServer((request, response) => {
      this.requests.push(`${request.method} ${request.url}`);
      this.headers.push(request.headers);
      this.script(request, response);
    });
    this.server.on('connection', (socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  static async start(script: Script): Promise<ScriptedHttpServer> {
    const scripted = new ScriptedHttpServer(script);
    await new Promise<void>((resolve) => {
      scripted.server.listen(0, '127.0.0.1', resolve);
    });
    const address = scripted.server.address();
    scripted.port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get openSockets(): number {
    return this.sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export function answerJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
