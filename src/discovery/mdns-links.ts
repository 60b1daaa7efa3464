import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { decode, encode, type Answer, type DecodedPacket, type Packet } from 'dns-packet';
import type { MdnsQuestion, MdnsRecord } from './core/mdns-records.js';

const PORT = 5353;
const GROUP = '224.0.0.251';

/** Link-local by its address already; receivers may insist on it (RFC 6762, 11). */
const MULTICAST_TTL = 255;

const TXT_DECODER = new TextDecoder();

export interface MdnsHeard {
  questions(questions: readonly MdnsQuestion[]): void;
  records(records: readonly MdnsRecord[]): void;
}

/** The multicast sockets of this machine, one for each interface, since each sends on one only. */
export class MdnsLinks {
  private readonly sockets = new Map<string, Socket>();

  constructor(
    private readonly wanted: string | undefined,
    private readonly heard: MdnsHeard,
  ) {}

  /** Opens what is missing and closes what is gone. Throws with the reason if nothing is left. */
  async refresh(): Promise<void> {
    const addresses = this.wantedAddresses();
    for (const [address, socket] of this.sockets)
      if (!addresses.includes(address)) this.close(address, socket);
    const missing = addresses.filter((address) => !this.sockets.has(address));
    const errors = (await Promise.all(missing.map((address) => this.open(address)))).flatMap(
      (error) => error ?? [],
    );
    if (this.sockets.size === 0) throw new Error(errors[0] ?? this.nothingUp());
  }

  async ask(questions: readonly MdnsQuestion[]): Promise<void> {
    // `Question.type` is a closed union in the codec's types; ours are members of it.
    await this.send({ type: 'query', questions: questions as Packet['questions'] });
  }

  async tell(records: readonly MdnsRecord[]): Promise<void> {
    // An authoritative answer, without the question (RFC 6762, 6 and 18.4).
    await this.send({ type: 'response', flags: 1 << 10, answers: records as Answer[] });
  }

  closeAll(): void {
    for (const [address, socket] of this.sockets) this.close(address, socket);
  }

  private async send(packet: Packet): Promise<void> {
    const bytes = encode(packet);
    const sent = [...this.sockets].map(
      ([address, socket]) =>
        new Promise<string | undefined>((resolve) => {
          socket.send(bytes, PORT, GROUP, (error) => {
            if (error !== null) this.close(address, socket);
            resolve(error === null ? undefined : `${address}: ${error.message}`);
          });
        }),
    );
    const errors = (await Promise.all(sent)).flatMap((error) => error ?? []);
    if (errors.length === sent.length && errors.length > 0) {
      throw new Error(`multicast cannot be sent (${errors.join('; ')}); check the network`);
    }
  }

  private async open(address: string): Promise<string | undefined> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    socket.on('message', (bytes) => this.hear(bytes));
    socket.on('error', () => this.close(address, socket));
    try {
      socket.bind(PORT);
      await once(socket, 'listening');
      socket.addMembership(GROUP, address);
      socket.setMulticastInterface(address);
      socket.setMulticastTTL(MULTICAST_TTL);
      socket.setMulticastLoopback(true);
    } catch (error) {
      socket.close();
      const why = error instanceof Error ? error.message : String(error);
      return `multicast is not possible on ${address} (${why}); set cluster.discovery.mdnsInterface`;
    }
    this.sockets.set(address, socket);
    return undefined;
  }

  private close(address: string, socket: Socket): void {
    if (this.sockets.get(address) !== socket) return;
    this.sockets.delete(address);
    socket.close();
  }

  private hear(bytes: Uint8Array): void {
    const packet = decoded(bytes);
    if (packet === undefined) return;
    if (packet.type === 'query') this.heard.questions(packet.questions ?? []);
    else {
      const all = [...(packet.answers ?? []), ...(packet.additionals ?? [])];
      this.heard.records(all.flatMap((answer) => recordOf(answer) ?? []));
    }
  }

  /** Those of the wanted interface, or of every one that is no loopback. */
  private wantedAddresses(): readonly string[] {
    const { wanted } = this;
    return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
      addresses
        .filter(({ family }) => family === 'IPv4')
        .filter(({ address, internal }) =>
          wanted === undefined ? !internal : name === wanted || address === wanted,
        )
        .map(({ address }) => address),
    );
  }

  private nothingUp(): string {
    const there = Object.keys(networkInterfaces()).join(', ');
    const which = this.wanted === undefined ? 'no interface' : `no interface "${this.wanted}"`;
    return `${which} with an IPv4 address is up (there are: ${there || 'none'}); bring one up, or correct cluster.discovery.mdnsInterface`;
  }
}

function decoded(bytes: Uint8Array): DecodedPacket | undefined {
  try {
    return decode(Buffer.from(bytes));
  } catch {
    // Whatever is no DNS packet is no news; anybody may send it.
    return undefined;
  }
}

/** A record of ours from one of the codec's, whose data anybody may have made up. */
function recordOf(answer: Answer): MdnsRecord | undefined {
  const { name } = answer;
  const ttl = 'ttl' in answer ? (answer.ttl ?? 0) : 0;
  const flush = 'flush' in answer && answer.flush === true;
  const { type } = answer;
  if (type === 'PTR' || type === 'A' || type === 'AAAA')
    return { type, name, ttl, flush, data: answer.data };
  if (type === 'SRV') {
    const { target, port } = answer.data;
    return { type, name, ttl, flush, data: { target, port } };
  }
  return type === 'TXT'
    ? { type, name, ttl, flush, data: [answer.data].flat().map(textOf) }
    : undefined;
}

const textOf = (data: string | Uint8Array): string =>
  typeof data === 'string' ? data : TXT_DECODER.decode(data);
