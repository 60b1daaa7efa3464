import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** A port of our own before a port of others, whose network a test can take away; with TLS if it is to have it. */
export class TcpGate {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
    private readonly scheme: 'http' | 'https',
    private isOpen = true,
  ) {}

  static async to(targetUrl: string, tls?: TlsOptions): Promise<TcpGate> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const scheme = tls === undefined ? 'http' : 'https';
    const gate = new TcpGate(server, new URL(targetUrl), scheme);
    const ready = tls === undefined ? 'connection' : 'secureConnection';
    server.on(ready, (socket: Socket) => gate.forward(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return gate;
  }

  get url(): string {
    const address = this.server.address();
    return `${this.scheme}://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  /** Cuts what goes through it, and whoever comes. */
  shut(): void {
    this.isOpen = false;
    for (const socket of this.sockets) socket.destroy();
  }

  open(): void {
    this.isOpen = true;
  }

  async close(): Promise<void> {
    this.shut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private forward(client: Socket): void {
    if (!this.isOpen) {
      client.destroy();
      return;
    }
    const server = connect(Number(this.target.port), this.target.hostname);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
