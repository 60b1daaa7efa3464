import { afterEach, describe, expect, it } from '@jest/globals';
import { concatBytes } from '../../src/gossip/core/bytes.js';
import type { Endpoint } from '../../src/gossip/core/endpoint.js';
import type {
  GossipListener,
  GossipStream,
  GossipTransport,
} from '../../src/gossip/gossip-transport.js';
import { waitFor } from '../support/eventually.js';

class Recorder implements GossipListener {
  readonly packets: { readonly bytes: Uint8Array; readonly from: Endpoint }[] = [];
  readonly streams: GossipStream[] = [];

  packet(bytes: Uint8Array, from: Endpoint): void {
    this.packets.push({ bytes: Uint8Array.from(bytes), from });
  }

  packetRefused(): void {}

  stream(stream: GossipStream): void {
    this.streams.push(stream);
  }
}

async function readAll(stream: GossipStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream.chunks()) chunks.push(chunk);
  } catch {
    // Cut: what came before is what there is.
  }
  return concatBytes(chunks);
}

/** What every transport of the gossip must do; run on the sockets and on the twin in memory. */
export function gossipTransportContract(name: string, make: () => GossipTransport): void {
  describe(name, () => {
    const open: GossipTransport[] = [];

    const start = async () => {
      const transport = make();
      const recorder = new Recorder();
      const endpoint = await transport.listen('127.0.0.1', 0, recorder);
      open.push(transport);
      return { transport, recorder, endpoint };
    };

    afterEach(async () => {
      for (const transport of open.splice(0)) await transport.close();
    });

    it('takes a free port for port 0, and refuses a port that is taken', async () => {
      const { endpoint } = await start();
      expect(endpoint.port).toBeGreaterThan(0);
      await expect(
        (async () => make().listen('127.0.0.1', endpoint.port, new Recorder()))(),
      ).rejects.toThrow();
    });

    it('carries packets whole, from the listening port', async () => {
      const [a, b] = [await start(), await start()];
      const packet = Uint8Array.from({ length: 1_400 }, (_, i) => i & 0xff);
      a.transport.send(packet, b.endpoint);
      const [got] = await waitFor(
        'the packet',
        () => b.recorder.packets.length > 0 && b.recorder.packets,
      );
      expect(got?.bytes).toEqual(packet);
      expect(got?.from).toEqual(a.endpoint);
    });

    it('loses packets to nowhere without a sound', async () => {
      const { transport } = await start();
      transport.send(Uint8Array.of(1), { addr: Uint8Array.of(1, 2), port: 9 });
      transport.send(Uint8Array.of(1), { addr: Uint8Array.of(127, 0, 0, 1), port: 0 });
    });

    it('carries a request and an answer over one stream', async () => {
      const [a, b] = [await start(), await start()];
      const stream = await a.transport.dial(b.endpoint, 30_000);
      await stream.write(Uint8Array.of(1, 2, 3));
      const peer = await waitFor('the stream', () => b.recorder.streams[0]);
      for await (const chunk of peer.chunks()) {
        expect(Uint8Array.from(chunk)).toEqual(Uint8Array.of(1, 2, 3));
        break;
      }
      await peer.write(new Uint8Array(100_000).fill(7));
      peer.close();
      expect(await readAll(stream)).toHaveLength(100_000);
      stream.close();
    });

    it('rejects a call to where nobody listens', async () => {
      const { transport, endpoint } = await start();
      const other = await start();
      await other.transport.close();
      await expect(transport.dial(other.endpoint, 30_000)).rejects.toThrow();
      expect(endpoint.port).not.toBe(other.endpoint.port);
    });

    it('cuts a stream at its deadline', async () => {
      const [a, b] = [await start(), await start()];
      const stream = await a.transport.dial(b.endpoint, 30_000);
      stream.setDeadline(30);
      expect(await readAll(stream)).toHaveLength(0);
    });

    it('cuts every stream when it closes', async () => {
      const [a, b] = [await start(), await start()];
      const stream = await a.transport.dial(b.endpoint, 30_000);
      await waitFor('the stream', () => b.recorder.streams[0]);
      await b.transport.close();
      expect(await readAll(stream)).toHaveLength(0);
    });
  });
}
