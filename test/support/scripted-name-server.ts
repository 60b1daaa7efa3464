import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  decode,
  encode,
  streamEncode,
  TRUNCATED_RESPONSE,
} from 'dns-packet';

/** As RFC 1035 numbers them. */
export const RCODE = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

export interface NameReply {
  readonly rcode?: number;
  readonly answers?: readonly Answer[];
  /** Over UDP: only that there is more, and to be had over TCP. */
  readonly isTruncated?: boolean;
  /** Sent as it is in place of a packet. */
  readonly garbage?: Uint8Array;
  /** Over TCP: a byte, then a pause of this many milliseconds, and so on. */
  readonly msPerByte?: number;
}

/** `undefined`: silence. */
export type NameScript = (name: string, type: string) => NameReply | undefined;

/** A name server that does what a test says, also what no decent one does. */
export class ScriptedNameServer {
  /** `udp A weir.lab`, oldest first. */
  readonly questions: string[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly udp: UdpSocket,
    private readonly tcp: Server,
    public script: NameScript,
  ) {
    udp.on('message', (bytes, { port, address }) => {
      const reply = this.replyTo(bytes, 'udp');
      if (reply !== undefined) udp.send(reply.bytes, port, address);
    });
    tcp.on('connection', (socket) => this.serve(socket));
  }

  static async start(script: NameScript): Promise<ScriptedNameServer> {
    for (;;) {
      const tcp = createServer().listen(0, '127.0.0.1');
      await once(tcp, 'listening');
      const udp = createSocket('udp4');
      try {
        udp.bind(portOf(tcp), '127.0.0.1');
        await once(udp, 'listening');
        return new ScriptedNameServer(udp, tcp, script);
      } catch {
        // The same number is somebody else's for UDP.
        udp.close();
        tcp.close();
      }
    }
  }

  /** As `dnsServers` has it. */
  get address(): string {
    return `127.0.0.1:${portOf(this.tcp)}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.udp.close();
    await new Promise((resolve) => this.tcp.close(resolve));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => socket.destroy());
    let rest = Buffer.alloc(0);
    socket.on('data', (piece: Buffer) => {
      rest = Buffer.concat([rest, piece]);
      while (rest.length > 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0);
        const reply = this.replyTo(rest.subarray(2, end), 'tcp');
        rest = rest.subarray(end);
        if (reply !== undefined) drip(socket, reply.bytes, reply.msPerByte);
      }
    });
  }

  private replyTo(
    question: Buffer,
    over: 'udp' | 'tcp',
  ): { readonly bytes: Uint8Array; readonly msPerByte: number } | undefined {
    const asked = decode(question);
    const [{ name, type } = { name: '', type: '' }] = asked.questions ?? [];
    this.questions.push(`${over} ${type} ${name}`);
    const reply = this.script(name, type);
    if (reply === undefined) return undefined;
    const bytes = reply.garbage ?? packet(asked, reply, over);
    return { bytes, msPerByte: reply.msPerByte ?? 0 };
  }
}

function packet(asked: DecodedPacket, reply: NameReply, over: 'udp' | 'tcp'): Uint8Array {
  const isCut = over === 'udp' && reply.isTruncated === true;
  const { id = 0, questions = [] } = asked;
  const answer = {
    type: 'response' as const,
    id,
    flags: AUTHORITATIVE_ANSWER | (reply.rcode ?? 0) | (isCut ? TRUNCATED_RESPONSE : 0),
    questions,
    answers: isCut ? [] : [...(reply.answers ?? [])],
  };
  return over === 'tcp' ? streamEncode(answer) : encode(answer);
}

function drip(socket: Socket, bytes: Uint8Array, msPerByte: number): void {
  if (msPerByte === 0) {
    socket.write(bytes);
    return;
  }
  let sent = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || sent >= bytes.length) clearInterval(timer);
    else socket.write(bytes.subarray(sent, (sent += 1)));
  }, msPerByte);
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
