/** What a real name server does not do on demand. The real one is met in `test/interop/discovery`. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Answer } from 'dns-packet';
import { AllowedNetworks } from '../../src/common/allowed-networks.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { SystemRandom } from '../../src/common/system-random.js';
import { DiscoveryDriver } from '../../src/discovery/discovery.driver.js';
import { DnsNameResolver } from '../../src/discovery/dns-name-resolver.js';
import { LookupNameResolver } from '../../src/discovery/lookup-name-resolver.js';
import { MemoryPeerJoiner } from '../../src/discovery/memory-peer-joiner.js';
import type { AddressFamily, NameResolver } from '../../src/discovery/name-resolver.js';
import { NamePeerSource } from '../../src/discovery/name-peer-source.js';
import { leavesNothing } from '../support/leaks.js';
import { eventually } from '../support/eventually.js';
import { RecordingLog } from '../support/recording-log.js';
import { RecordingPeerListener } from '../support/recording-peer-listener.js';
import {
  type NameReply,
  type NameScript,
  RCODE,
  ScriptedNameServer,
} from '../support/scripted-name-server.js';
import { SHORTEST, sourceRim } from '../support/source-rim.js';

/** For a thousand questions on a busy machine; an idle one needs seconds. */
const LONG_MS = 150_000;

const QUICK = { minMs: 5, maxMs: 20 };

const a = (name: string, data: string, ttl = 1): Answer => ({ type: 'A', name, ttl, data });

const only =
  (type: string, reply: NameReply): NameScript =>
  (_, asked) =>
    asked === type ? reply : {};

/** Only what needs no name server, which could be slow: the hosts file has no IPv6 everywhere. */
class HostsFile extends LookupNameResolver {
  override addresses(name: string, family: AddressFamily) {
    return family === 4
      ? super.addresses(name, family)
      : Promise.resolve({ kind: 'noRecords' as const });
  }
}

interface Scene {
  readonly server: ScriptedNameServer;
  readonly seen: RecordingPeerListener;
  stop(): Promise<void>;
}

const scenes: Scene[] = [];

afterEach(async () => {
  for (const scene of scenes.splice(0)) {
    await scene.stop();
    await scene.server.stop();
  }
});

const dnsSource = (
  server: ScriptedNameServer,
  names: readonly string[] = ['weir.lab.'],
  timeoutMs = 30_000,
) =>
  new NamePeerSource(
    {
      type: 'dns',
      setting: 'cluster.discovery.dnsNames',
      names,
      defaultPort: 7946,
      makeResolver: () => new DnsNameResolver({ timeoutMs, servers: [server.address] }),
    },
    { ...sourceRim(), pollBounds: QUICK },
  );

async function look(
  script: NameScript,
  names?: readonly string[],
  timeoutMs?: number,
): Promise<Scene> {
  const server = await ScriptedNameServer.start(script);
  const source = dnsSource(server, names, timeoutMs);
  const seen = new RecordingPeerListener();
  await source.start(seen);
  const scene = { server, seen, stop: () => source.stop(1_000) };
  scenes.push(scene);
  return scene;
}

const shows = ({ seen }: Scene, ...addresses: readonly string[]) => seen.shows(addresses);

describe('NamePeerSource with a scripted name server', () => {
  it('keeps the addresses of a name whose server fails, and says so', async () => {
    const scene = await look(only('A', { answers: [a('weir.lab', '10.0.0.1')] }));
    await shows(scene, '10.0.0.1:7946');
    for (const [rcode, words] of [
      [RCODE.SERVFAIL, /"weir\.lab\.": the name server failed \(SERVFAIL\)/],
      [RCODE.REFUSED, /"weir\.lab\.": the name server refused \(REFUSED\)/],
    ] as const) {
      scene.server.script = () => ({ rcode });
      await scene.seen.tells(words);
      expect(scene.seen.current).toEqual(['10.0.0.1:7946']);
    }
  });

  it('takes NXDOMAIN for the truth, tells it, and finds a name that appears late', async () => {
    const scene = await look(() => ({ rcode: RCODE.NXDOMAIN }));
    await scene.seen.tells(/"weir\.lab\." does not exist \(NXDOMAIN\); check cluster\.discovery/);
    scene.server.script = only('A', { answers: [a('weir.lab', '10.0.0.1')] });
    await shows(scene, '10.0.0.1:7946');
    scene.server.script = () => ({ rcode: RCODE.NXDOMAIN });
    await shows(scene);
  });

  it('says of a name without addresses that it has none', async () => {
    const scene = await look(() => ({}));
    await scene.seen.tells(/"weir\.lab\." has neither an A nor an AAAA record/);
  });

  it('asks again over TCP when an answer was truncated, and takes all of it', async () => {
    const answers = Array.from({ length: 200 }, (_, i) => a('weir.lab', `10.0.0.${i + 1}`));
    const scene = await look(only('A', { answers, isTruncated: true }));
    await eventually('all are found', () => scene.seen.current.length === 200);
    expect(scene.server.questions).toContain('tcp A weir.lab');
    expect(scene.seen.faults).toEqual([]);
  });

  it('takes the ports of SRV records, and asks for their targets', async () => {
    const srv: Answer = {
      type: 'SRV',
      name: '_gossip._tcp.weir.lab',
      ttl: 1,
      data: { target: 'a.lab', port: 7001 },
    };
    const scene = await look(
      (name, type) => {
        if (type === 'SRV') return { answers: [srv] };
        return type === 'A' ? { answers: [a(name, '10.0.0.1')] } : { answers: [] };
      },
      ['_gossip._tcp.weir.lab.'],
    );
    await shows(scene, '10.0.0.1:7001');
  });

  it('gives up a server that is silent, one that sends garbage, and one that is slow to the byte', async () => {
    const answers = [a('weir.lab', '10.0.0.1')];
    const scene = await look(only('A', { answers }), undefined, 600);
    await shows(scene, '10.0.0.1:7946');
    const bad: readonly NameScript[] = [
      () => undefined,
      () => ({ garbage: Buffer.from('garbage') }),
      () => ({ answers, isTruncated: true, msPerByte: 400 }),
    ];
    for (const script of bad) {
      const before = scene.seen.faults.length;
      scene.server.script = script;
      // The second one was asked under this script from its beginning.
      await eventually('it is given up', () => scene.seen.faults.length >= before + 2, 60_000);
      expect(scene.seen.current).toEqual(['10.0.0.1:7946']);
    }
    scene.server.script = only('A', { answers: [a('weir.lab', '10.0.0.2')] });
    await shows(scene, '10.0.0.2:7946');
  });

  it('lets a name with 10,000 addresses neither crowd out the call nor stop it', async () => {
    // No answer has room for more than some 4,000.
    const targets = [0, 1, 2, 3].map((part) => `part${part}.lab`);
    const many = (name: string): Answer[] =>
      Array.from({ length: 2_500 }, (_, i) => {
        const n = targets.indexOf(name) * 2_500 + i;
        return a(name, `10.1.${Math.floor(n / 250)}.${(n % 250) + 1}`);
      });
    const server = await ScriptedNameServer.start((name, type) =>
      type === 'A' ? { answers: many(name), isTruncated: true } : {},
    );
    const log = new RecordingLog();
    const joiner = new MemoryPeerJoiner(new Set());
    const driver = new DiscoveryDriver(
      [
        dnsSource(
          server,
          targets.map((name) => `${name}.`),
        ),
      ],
      joiner,
      new AllowedNetworks([]),
      { clock: new SystemClock(), random: new SystemRandom(), log },
    );
    await driver.start();
    try {
      await eventually('somebody is called', () => joiner.calls.length > 16);
      const counts = driver.peers.counts(new SystemClock().monoNow());
      expect(counts.proposed).toBe(2_048);
      expect(log.lines.join()).toMatch(/proposes more addresses than a cluster has.*7952/);
    } finally {
      await driver.stop(1_000);
      await server.stop();
    }
  });

  it.each<[string, (server: ScriptedNameServer) => NameResolver, readonly string[]]>([
    [
      'dns',
      (server) => new DnsNameResolver({ timeoutMs: 3_000, servers: [server.address] }),
      ['weir.lab.'],
    ],
    // The second is no address at all, which is a fault.
    ['static', () => new HostsFile(), ['localhost', 'localhost:99999']],
  ])(
    'keeps neither sockets nor timers nor memory over 1,000 questions of %s',
    async (type, makeResolver, names) => {
      let turn = 0;
      const ways: readonly NameReply[] = [
        { rcode: RCODE.SERVFAIL },
        { rcode: RCODE.NXDOMAIN },
        { answers: [a('weir.lab', '10.0.0.1')], isTruncated: true },
        { answers: [a('weir.lab', '10.0.0.1')] },
      ];
      const server = await ScriptedNameServer.start(() => ways[turn++ % ways.length]);
      const seen = new RecordingPeerListener();
      let asked = 0;
      const source = new NamePeerSource(
        {
          type: type === 'dns' ? 'dns' : 'static',
          setting: 'names',
          names,
          defaultPort: 7946,
          makeResolver: () => {
            asked += 1;
            return makeResolver(server);
          },
        },
        { ...sourceRim(SHORTEST), pollBounds: { minMs: 1, maxMs: 1 } },
      );
      await source.start(seen);
      await leavesNothing({
        warm: () => eventually('it is warm', () => asked >= 200, LONG_MS),
        run: () => eventually('there were 1,000 more', () => asked >= 1_200, LONG_MS),
        stop: () => source.stop(1_000),
      });
      await server.stop();
    },
    2 * LONG_MS,
  );
});
