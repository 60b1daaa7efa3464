import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { connectionFromUrl } from '../../src/storage/postgres-connection.js';
import { ownHost } from './own-host.js';

/** A message that comes by itself to whoever listens. */
const NOTIFICATION = 'A'.charCodeAt(0);

/**
 * A TCP port in front of the test server's Unix socket, whose network the test can take away:
 * `down` refuses and cuts, `stall` keeps connections but lets nothing through, `up` mends. It can drop
 * notifications, and nothing else.
 */
export class TcpProxy {
  /** Whether what the server says of its own accord is kept from the client. */
  dropsNotifications = false;
  notificationsDropped = 0;
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  private port = 0;
  private isStalled = false;

  constructor(private readonly target: string) {}

  /** The URL of the target's database by way of this proxy. */
  get url(): string {
    const url = new URL(this.target);
    return `postgres://${url.username}:${url.password}@${ownHost()}:${this.port}${url.pathname}`;
  }

  /** Listens on the port that it had before, which nobody else takes meanwhile, or on any free one. */
  async up(): Promise<void> {
    this.isStalled = false;
    for (const socket of this.sockets) socket.resume();
    if (this.server) return;
    const server = createServer((socket) => this.forward(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.port, ownHost(), resolve);
    });
    const address = server.address();
    this.port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    this.server = server;
  }

  async down(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }

  stall(): void {
    this.isStalled = true;
    for (const socket of this.sockets) socket.pause();
  }

  /**
   * What is left without messages of type `A`, which may come together with others. A message is a type, its length
   * without the type, and the rest; what a chunk has only the beginning of is passed on as it is.
   */
  private withoutNotifications(bytes: Buffer): Buffer {
    const kept: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const isWhole = at + 5 <= bytes.length;
      const end = isWhole ? at + 1 + bytes.readUInt32BE(at + 1) : bytes.length;
      if (bytes[at] === NOTIFICATION) this.notificationsDropped += 1;
      else kept.push(bytes.subarray(at, end));
      at = end;
    }
    return Buffer.concat(kept);
  }

  private forward(client: Socket): void {
    const { host, port } = connectionFromUrl(this.target);
    const server = host.startsWith('/')
      ? connect(join(host, `.s.PGSQL.${port}`))
      : connect(port, host);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (bytes: Buffer) => {
        const isSifted = this.dropsNotifications && from === server;
        to.write(isSifted ? this.withoutNotifications(bytes) : bytes);
      });
      if (this.isStalled) from.pause();
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
