import type { ConnectRequest, ConnectResponse, PeerMessage } from './core/peer-message.js';
import type { StreamId } from './core/replication-input.js';
import type {
  PeerAddress,
  PeerLink,
  PeerLinkListener,
  PeerListener,
  PeerTransport,
} from './peer-transport.js';

/** What streams tell the machine that owns them. */
export interface StreamEvents {
  opened(stream: StreamId): void;
  accepted(stream: StreamId): void;
  closed(stream: StreamId, error: string): void;
  message(stream: StreamId, message: PeerMessage): void;
}

/**
 * Bytes that may wait for a peer that does not read. Its stream is cut then: it is told anew, with the
 * values of then, when it has come back.
 */
const BACKLOG_BYTES_MAX = 8 * 1_024 * 1_024;

/** The streams by the numbers that the machine gives them; ours are above 0, those of peers below. */
export class PeerStreams implements PeerListener {
  private readonly links = new Map<StreamId, PeerLink<never>>();
  /** Dialled and not there yet. */
  private readonly dialling = new Set<StreamId>();
  private lastAccepted = 0;

  constructor(
    private readonly transport: PeerTransport,
    private readonly events: StreamEvents,
    private readonly dialTimeoutMs: number,
  ) {}

  /** Undefined: nobody knows where the peer listens. */
  open(stream: StreamId, to: PeerAddress | undefined): void {
    this.dialling.add(stream);
    void this.dial(stream, to).catch((error: unknown) => {
      if (this.dialling.delete(stream)) this.events.closed(stream, textOf(error));
    });
  }

  accepted(link: PeerLink<ConnectResponse>): PeerLinkListener<ConnectRequest> {
    const stream = --this.lastAccepted;
    this.links.set(stream, link);
    this.events.accepted(stream);
    return this.listenerOf(stream);
  }

  send(stream: StreamId, message: PeerMessage): void {
    const link = this.links.get(stream);
    if (link === undefined) return;
    if (link.backlogBytes() > BACKLOG_BYTES_MAX) {
      this.close(stream);
      this.events.closed(stream, 'the peer does not read');
      return;
    }
    // Requests go on our streams and responses on theirs: the machine answers where it was asked.
    (link as PeerLink<PeerMessage>).send(message);
  }

  /** Nothing is told of it after. */
  close(stream: StreamId): void {
    this.dialling.delete(stream);
    this.links.get(stream)?.close();
    this.links.delete(stream);
  }

  private async dial(stream: StreamId, to: PeerAddress | undefined): Promise<void> {
    if (to === undefined) throw new Error('it does not say on which port it listens for peers');
    const link = await this.transport.open(to, this.listenerOf(stream), this.dialTimeoutMs);
    if (!this.dialling.delete(stream)) {
      link.close();
      return;
    }
    this.links.set(stream, link);
    this.events.opened(stream);
  }

  private listenerOf<In extends PeerMessage>(stream: StreamId): PeerLinkListener<In> {
    return {
      message: (message) => this.events.message(stream, message),
      closed: (error) => {
        const wasThere = this.links.delete(stream) || this.dialling.delete(stream);
        if (wasThere) this.events.closed(stream, error);
      },
    };
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
