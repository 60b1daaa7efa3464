/**
 * Goal: a replica on real sockets outlives peers that misbehave. Method: a service with short
 * deadlines, and a raw peer that stalls, floods and lies.
 */
import { readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { waitFor } from '../support/eventually.js';
import { WeirNode } from '../interop/memberlist/weir-node.js';

const fixtures: readonly { name: string; transport: string; hex: string }[] = JSON.parse(
  readFileSync(new URL('../interop/memberlist/fixtures.json', import.meta.url), 'utf8'),
).fixtures;
const join = Buffer.from(
  fixtures.find(({ name }) => name === 'stream.pushpull.request.join')?.hex ?? '',
  'hex',
);

const nodes: WeirNode[] = [];
const sockets: Socket[] = [];

async function start(settings = {}): Promise<{ node: WeirNode; port: number }> {
  const node = await WeirNode.start(`n${nodes.length}`, settings);
  nodes.push(node);
  return { node, port: Number(node.address.split(':').at(-1)) };
}

async function call(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function answerTo(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await waitFor('the stream to be closed', () => socket.readableEnded || socket.destroyed);
  return Buffer.concat(chunks);
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const node of nodes.splice(0)) await node.stop();
});

describe('gossip service', () => {
  it('cuts streams that stall, wherever they do, and serves others meanwhile', async () => {
    const { node, port } = await start({ timings: { streamTimeoutMs: 1_000 } });
    const stalled: Promise<Buffer>[] = [];
    for (let end = 0; end < join.length; end += 3) {
      const socket = await call(port);
      socket.write(join.subarray(0, end));
      stalled.push(answerTo(socket));
    }
    const other = await start();
    await waitFor(
      'another one to join, on a machine that may take as long as those that stall',
      async () => (await other.node.service.join([node.address])).joined === 1,
    );
    for (const answer of await Promise.all(stalled)) expect(answer).toHaveLength(0);
  });

  it('answers a request whose sender has ended its side', async () => {
    const { port } = await start();
    const socket = await call(port);
    socket.end(join);
    expect((await answerTo(socket))[0]).toBe(9);
  });

  it('refuses a stream of 40 MiB without keeping it', async () => {
    const { node, port } = await start({ timings: { streamTimeoutMs: 60_000 } });
    const socket = await call(port);
    const header = Buffer.from('0681a54e6f646573ce0000ffff', 'hex');
    socket.write(header);
    // Entries that never end: a map with one unknown key and a megabyte as its value, again and again.
    const entry = Buffer.concat([Buffer.from('81a161db00100000', 'hex'), Buffer.alloc(1 << 20)]);
    for (let i = 0; i < 45 && !socket.destroyed; i++) {
      await new Promise<void>((resolve) => socket.write(entry, () => resolve()));
    }
    await answerTo(socket);
    expect(node.service.counters()['fault.stream.too-large']).toBe(1);
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(400 << 20);
  });

  it('tells a plaintext peer why it is refused, encrypted', async () => {
    const { port } = await start({ keys: [new Uint8Array(16).fill(1)] });
    const socket = await call(port);
    socket.write(join);
    expect((await answerTo(socket))[0]).toBe(10);
  });

  it('takes nothing from outside of the allowed space', async () => {
    const { node, port } = await start({ allowedAddressSpace: ['10.0.0.0/8'] });
    const socket = await call(port);
    socket.write(join);
    expect(await answerTo(socket)).toHaveLength(0);
    const udp = createSocket('udp4');
    udp.send(Buffer.from('0082a44e6f6465a0a55365714e6f01', 'hex'), port, '127.0.0.1');
    await waitFor(
      'both to be counted',
      () => node.service.counters()['drop.address-not-allowed'] === 2,
    );
    udp.close();
  });

  it('changes nothing for packets without the key', async () => {
    const { node, port } = await start({ keys: [new Uint8Array(16).fill(1)] });
    const udp = createSocket('udp4');
    const packets = fixtures.filter(({ transport }) => transport === 'udp');
    for (const { hex } of packets) udp.send(Buffer.from(hex, 'hex'), port, '127.0.0.1');
    await waitFor(
      'the packets',
      () => (node.service.counters()['packets.in'] ?? 0) === packets.length,
    );
    expect(node.memberNames()).toEqual(['n0']);
    udp.close();
  });

  it('drops messages of users, not membership, when the application is slow', async () => {
    const { node } = await start();
    const { node: peer } = await start();
    await peer.service.join([node.address]);
    const never = new Promise<void>(() => undefined);
    node.delegate.userMessage = () => never;
    // As many as it takes: of packets that come all at once, the sockets of the machine may drop some, too.
    await waitFor('a drop', () => {
      for (let i = 0; i < 100; i++) peer.service.sendBestEffort('n0', Uint8Array.of(i));
      return (node.service.counters()['drop.user-queue-full'] ?? 0) > 0;
    });
    const isAnswered = async () => (await peer.service.ping('n0')).rttMs !== undefined;
    await waitFor('a ping to be answered', isAnswered);
  });

  it('doubts itself after its own event loop stood still, and accuses nobody', async () => {
    const { node } = await start();
    const { node: peer } = await start();
    await peer.service.join([node.address]);
    await waitFor('both to meet', () => node.memberNames().length === 2);
    const until = performance.now() + 1_500;
    while (performance.now() < until) Math.sqrt(until);
    await waitFor('the doubt', () => node.service.counters()['loop.lags'] !== undefined);
    expect(node.service.self.healthScore).toBeGreaterThan(0);
    expect(node.events('n1')).toEqual(['n1 joined']);
  });

  it('tells others the address and the port that it was given', async () => {
    const { node } = await start({ advertiseHost: '127.0.0.9', advertisePort: 4_444 });
    const { node: peer } = await start();
    await node.service.join([peer.address]);
    const known = await waitFor('it to be known', () => peer.service.member('n0'));
    expect(known).toMatchObject({
      addr: Uint8Array.of(127, 0, 0, 9),
      port: 4_444,
    });
  });

  it('says of a broadcast that no packet has room for what to do instead', async () => {
    const { node } = await start();
    const tooLong = new Uint8Array(1_100);
    expect(() => node.service.broadcast('hint', tooLong)).toThrow(/1100 bytes.*sendReliable/);
  });

  it('warns of a peer that sends from another address than it advertises', async () => {
    const { node } = await start();
    const { node: peer } = await start({ advertiseHost: '127.0.0.2' });
    await peer.service.join([node.address]);
    await waitFor('the notice', () => (node.service.counters()['notice.source-differs'] ?? 0) > 0);
  });

  it('refuses settings that contradict one another, with the field and the fix', async () => {
    const timings = { probeIntervalMs: 500, probeTimeoutMs: 500 };
    await expect(WeirNode.start('x', { timings })).rejects.toThrow(
      /cluster\.gossip\.timings\.probeTimeoutMs.*half/,
    );
    const late = { probeIntervalMs: 500, probeTimeoutMs: 300 };
    await expect(WeirNode.start('x', { timings: late })).rejects.toThrow(/answer too late.*half/);
    await expect(WeirNode.start('', {})).rejects.toThrow(/cluster\.gossip\.name/);
    await expect(WeirNode.start('x', { keys: [new Uint8Array(5)] })).rejects.toThrow(
      /keys\[0\].*keyring generate/,
    );
    for (const advertiseHost of ['0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1']) {
      await expect(WeirNode.start('x', { advertiseHost })).rejects.toThrow(
        /advertiseHost.*no address that others/,
      );
    }
  });
});
