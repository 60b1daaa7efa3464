import type { Socket } from 'node:net';
import { ChannelCredentials } from '@grpc/grpc-js';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Credentials that remember the sockets they secured. grpc-js waits without end for the greeting of a
 * server that accepts and stays silent, and lets go of such a socket not even when its channel is
 * closed: whoever closes the channel closes the sockets here.
 */
export class TrackedCredentials extends ChannelCredentials {
  private readonly sockets = new Set<Socket>();
  private isClosed = false;

  constructor(private readonly inner: ChannelCredentials) {
    super();
  }

  closeSockets(): void {
    this.isClosed = true;
    for (const socket of this.sockets) socket.destroy();
  }

  override _isSecure(): boolean {
    // oxlint-disable-next-line no-underscore-dangle -- the name that grpc-js gives to those who extend it
    return this.inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...args: Parameters<ChannelCredentials['_createSecureConnector']>
  ): Connector {
    // oxlint-disable-next-line no-underscore-dangle -- as above
    const connector = this.inner._createSecureConnector(...args);
    return {
      connect: (socket) => {
        // Connected after all was over.
        if (this.isClosed) socket.destroy();
        this.sockets.add(socket);
        socket.once('close', () => this.sockets.delete(socket));
        return connector.connect(socket);
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  }
}
