import type { PeerMessage } from './core/peer-message.js';
import type { PeerLink, PeerLinkListener } from './peer-transport.js';

/** Both sides of the wire, for one end of a stream. */
interface LinkWire<Out, In, OutProto, InProto> {
  readonly encode: (message: Out) => OutProto;
  /** Undefined: of a kind that this release does not know. */
  readonly decode: (message: InProto) => In | undefined;
  /** Lets go of the stream at once; what was sent and has not left is lost. */
  readonly hangUp: () => void;
}

/** What is used of a call of grpc-js, of either side. */
type MessageStream<Out> = NodeJS.EventEmitter & {
  write(message: Out, done: () => void): boolean;
};

/** What a message weighs beside its entries. */
const MESSAGE_BYTES = 64;

/** One end of a stream. The same for who opened it and for who accepted it. */
export class GrpcPeerLink<
  Out extends PeerMessage,
  In extends PeerMessage,
  OutProto,
  InProto,
> implements PeerLink<Out> {
  private listener: PeerLinkListener<In> | undefined;
  private onEnd: () => void = () => undefined;
  private isOver = false;
  private backlog = 0;

  constructor(
    private readonly stream: MessageStream<OutProto>,
    private readonly wire: LinkWire<Out, In, OutProto, InProto>,
  ) {
    // An error event that nobody listens to would end the process, also after the link has ended.
    stream.on('error', (error: Error) => this.lost(error.message));
    stream.on('end', () => this.lost('closed by the peer'));
    stream.on('close', () => this.lost('closed by the peer'));
    stream.on('cancelled', () => this.lost('closed by the peer'));
  }

  listen(listener: PeerLinkListener<In>, onEnd: () => void): void {
    this.listener = listener;
    this.onEnd = onEnd;
    this.stream.on('data', (message: InProto) => this.receive(message));
  }

  send(message: Out): void {
    if (this.isOver) return;
    const bytes = weightOf(message);
    this.backlog += bytes;
    this.stream.write(this.wire.encode(message), () => (this.backlog -= bytes));
  }

  backlogBytes(): number {
    return this.backlog;
  }

  close(): void {
    if (this.end()) this.wire.hangUp();
  }

  private receive(message: InProto): void {
    if (this.isOver) return;
    const decoded = this.wire.decode(message);
    if (decoded !== undefined) this.listener?.message(decoded);
  }

  private lost(why: string): void {
    const { listener } = this;
    if (!this.end()) return;
    this.wire.hangUp();
    listener?.closed(why);
  }

  private end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.listener = undefined;
    this.onEnd();
    return true;
  }
}

const weightOf = (message: PeerMessage): number =>
  'entries' in message ? MESSAGE_BYTES + message.entries.length : MESSAGE_BYTES;
