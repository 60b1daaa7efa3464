/** `udp` and `mdns` on loopback. What passes between machines is in `test/interop/discovery`. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { AllowedNetworks } from '../../src/common/allowed-networks.js';
import { MdnsPeerSource } from '../../src/discovery/mdns-peer-source.js';
import type { PeerSource, SelfAnnouncement } from '../../src/discovery/peer-source.js';
import { UdpPeerSource } from '../../src/discovery/udp-peer-source.js';
import { eventually } from '../support/eventually.js';
import { leavesNothing } from '../support/leaks.js';
import { RecordingPeerListener } from '../support/recording-peer-listener.js';
import { SHORTEST, sourceRim } from '../support/source-rim.js';

/** For a thousand of them on a busy machine; an idle one needs seconds. */
const LONG_MS = 150_000;

const replica = (index: number): SelfAnnouncement => ({
  replicaId: `r${index}`,
  host: '127.0.0.1',
  port: 7_000 + index,
  clusterName: 'weir',
  region: 'here',
});

const rim = () => ({ ...sourceRim(SHORTEST), pollBounds: { minMs: 1, maxMs: 1 } });

const udp = (port: number, self?: SelfAnnouncement): PeerSource =>
  new UdpPeerSource(
    {
      serviceName: 'weir',
      clusterName: 'weir',
      port,
      allowed: new AllowedNetworks(['127.0.0.0/8']),
      keys: () => [Buffer.alloc(32, 1)],
      self,
    },
    rim(),
  );

const mdns = (service: string, self?: SelfAnnouncement): PeerSource =>
  new MdnsPeerSource({ service, clusterName: 'weir', networkInterface: 'lo', self }, rim());

/** A port that nobody else shares, since it is not to be shared. */
async function takenPort(): Promise<{ readonly socket: Socket; readonly port: number }> {
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  return { socket, port: socket.address().port };
}

async function freePort(): Promise<number> {
  const { socket, port } = await takenPort();
  socket.close();
  return port;
}

/** One comes, is found by the one that stays, and leaves: once for each of a thousand. */
async function comesAndGoes(make: (self?: SelfAnnouncement) => PeerSource): Promise<void> {
  const seen = new RecordingPeerListener();
  const stays = make();
  const times = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) {
      const guest = make(replica(turn));
      await guest.start(new RecordingPeerListener());
      const address = `127.0.0.1:${7_000 + turn}`;
      await eventually(`${address} is found`, () => seen.current.includes(address), LONG_MS);
      await guest.stop(1_000);
    }
    await eventually('all have left', () => seen.current.length === 0, LONG_MS);
    // What was heard is the test's, and would count as held.
    seen.answers.length = 0;
  };
  await stays.start(seen);
  await leavesNothing({
    warm: () => times(100),
    run: () => times(1_000),
    stop: () => stays.stop(1_000),
  });
}

describe('UdpPeerSource on loopback', () => {
  it(
    'keeps neither sockets nor timers nor memory over 1,000 who come and leave',
    async () => {
      const port = await freePort();
      await comesAndGoes((self) => udp(port, self));
    },
    3 * LONG_MS,
  );

  it(
    'says that its port is in use, keeps nothing of 1,000 attempts, and goes on once it is free',
    async () => {
      const { socket, port } = await takenPort();
      const source = udp(port, replica(1));
      const seen = new RecordingPeerListener();
      const failures = (count: number) => () =>
        eventually(`there were ${count}`, () => seen.faults.length >= count, LONG_MS);
      await source.start(seen);
      await leavesNothing({
        warm: failures(200),
        run: failures(1_200),
        stop: async () => {
          expect(seen.faults[0]?.message).toBe(
            `UDP port ${port} cannot be bound (EADDRINUSE); free it, or set another cluster.discovery.udpBroadcastPort`,
          );
          socket.close();
          await eventually('it is bound', () => seen.answers.length > 0);
          await source.stop(1_000);
        },
      });
    },
    3 * LONG_MS,
  );
});

describe('MdnsPeerSource on loopback', () => {
  it(
    'keeps neither sockets nor timers nor memory over 1,000 who come and leave',
    async () => {
      // A type of its own: others on this machine may be heard, too.
      await comesAndGoes((self) => mdns(`_weir-${process.pid % 100_000}._tcp`, self));
    },
    3 * LONG_MS,
  );

  it('names the interfaces there are when the wanted one is not up', async () => {
    const source = new MdnsPeerSource(
      { service: '_weir._tcp', clusterName: 'weir', networkInterface: 'nope0', self: undefined },
      rim(),
    );
    const seen = new RecordingPeerListener();
    await source.start(seen);
    await seen.tells(/no interface "nope0" with an IPv4 address is up \(there are: .*lo.*\)/);
    await source.stop(1_000);
  });
});
