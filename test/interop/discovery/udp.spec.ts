/** `udp` between machines on a switch, in network namespaces of their own. */
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { peerClusterContract } from '../../contract/peer-cluster.contract.js';
import { peerSourceContract } from '../../contract/peer-source.contract.js';
import { LinkBench } from '../../support/discovery/link-bench.js';
import { describeWith } from '../../support/discovery/needs.js';
import { NetworkLab } from '../../support/discovery/network-lab.js';
import { eventually } from '../../support/eventually.js';

jest.setTimeout(600_000);

const KEY = Buffer.alloc(32, 1).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 2).toString('base64');

class UdpBench extends LinkBench {
  constructor(
    lab: NetworkLab,
    private readonly changes: { readonly keys?: readonly string[]; readonly space?: string } = {},
  ) {
    super(lab);
  }

  protected cluster(): object {
    return {
      gossip: { keys: this.changes.keys ?? [KEY] },
      discovery: {
        enabled: true,
        type: 'udp',
        serviceName: 'weir',
        udpBroadcastPort: 7999,
        allowedAddressSpace: [this.changes.space ?? `${this.lab.subnet}.0/24`],
      },
    };
  }
}

describeWith({ programs: ['ip'], namespaces: true }, 'udp between machines', () => {
  let lab: NetworkLab;

  beforeAll(() => {
    lab = NetworkLab.make('wu', '10.213.81', 3);
  });

  afterAll(() => lab.close());

  peerSourceContract('udp', () => Promise.resolve(new UdpBench(lab)), {
    // Whoever is killed is forgotten after 16 s.
    leftMs: 12_000,
    killedMs: 60_000,
  });
  peerClusterContract('udp', () => Promise.resolve(new UdpBench(lab)));

  describe('beacons', () => {
    const benches: UdpBench[] = [];
    const bench = (changes: ConstructorParameters<typeof UdpBench>[1]) => {
      const made = new UdpBench(lab, changes);
      benches.push(made);
      return made;
    };

    afterEach(async () => {
      for (const made of benches.splice(0)) await made.close();
    });

    it('are read with an old key while keys are turned, and not with a foreign one', async () => {
      const first = bench({ keys: [KEY, OTHER_KEY] });
      const second = bench({ keys: [OTHER_KEY, KEY] });
      const third = bench({ keys: [Buffer.alloc(32, 3).toString('base64')] });
      const a = await first.run(first.replica(0), 'replica');
      const b = await second.run(second.replica(1), 'replica');
      const c = await third.run(third.replica(2), 'replica');
      for (const one of [a, b]) await one.knows('r0', 'r1');
      await eventually('the third is told what to do', () =>
        c.logs.some((line) => line.includes('cluster.gossip.keys')),
      );
      await c.knows('r2');
      expect(c.members?.counts.proposed).toBe(0);
    });

    it('from outside the space are refused, and so is whatever is no beacon', async () => {
      const inside = bench({ space: `${lab.host(0)}/31` });
      const a = await inside.run(inside.replica(0), 'replica');
      const b = await inside.run(inside.replica(1), 'replica');
      for (const one of [a, b]) await one.knows('r0', 'r1');
      const outside = bench({});
      const c = await outside.run(outside.replica(2), 'replica');
      const garbage = `require('node:dgram').createSocket('udp4').send(Buffer.from('garbage'), 7999, '${lab.host(0)}', () => process.exit())`;
      const [file, ...args] = ['ip', ...lab.on(1).slice(1), process.execPath, '-e', garbage];
      expect(spawnSync(file, args).status).toBe(0);
      const told = (text: string) => () =>
        a.logs.filter((line) => line.includes(text)).length === 1;
      await eventually('the one outside is told', told('outside cluster.discovery'));
      await eventually('garbage is told', told('is not a beacon'));
      for (const one of [a, b]) await one.knows('r0', 'r1');
      await c.knows('r2');
    });
  });
});
