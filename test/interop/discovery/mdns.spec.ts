/** `mdns` between machines on a switch, with Avahi as a second opinion on what we announce. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { peerClusterContract } from '../../contract/peer-cluster.contract.js';
import { peerSourceContract } from '../../contract/peer-source.contract.js';
import { LinkBench } from '../../support/discovery/link-bench.js';
import { describeWith } from '../../support/discovery/needs.js';
import { NetworkLab } from '../../support/discovery/network-lab.js';
import { eventually } from '../../support/eventually.js';

jest.setTimeout(600_000);

class MdnsBench extends LinkBench {
  constructor(
    lab: NetworkLab,
    private readonly name = 'weir',
  ) {
    super(lab);
  }

  protected cluster(): object {
    return { name: this.name, discovery: { enabled: true, type: 'mdns', mdnsInterface: 'eth0' } };
  }

  override replica(index: number) {
    return { ...super.replica(index), clusterName: this.name, ports: { grpc: 50_051 } };
  }
}

const AVAHI_RUN = '/run/avahi-daemon';

/** A bus and Avahi of their own, on the hub of the lab. */
class Avahi {
  private readonly children: ChildProcess[] = [];

  constructor(private readonly lab: NetworkLab) {}

  async start(): Promise<void> {
    const bus = join(this.lab.folder, 'bus');
    const config = join(this.lab.folder, 'bus.conf');
    writeFileSync(
      config,
      `<busconfig><type>system</type><listen>unix:path=${bus}</listen><policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/></policy></busconfig>`,
    );
    mkdirSync(AVAHI_RUN, { recursive: true });
    this.run('dbus-daemon', `--config-file=${config}`, '--nofork', '--nopidfile');
    await eventually('the bus is up', () => this.isBusUp(bus));
    const flags = ['--no-drop-root', '--no-chroot', '--no-rlimits', '-f', '/dev/null'];
    // Of its own, or it would take the process in the pid file of another one for its twin.
    const alone = `mount -t tmpfs tmpfs ${AVAHI_RUN} && exec avahi-daemon "$@"`;
    this.run('sh', '-c', alone, 'sh', ...flags);
    await eventually('Avahi answers', () => this.browse('_weir._tcp') !== undefined, 60_000);
  }

  /** What Avahi has resolved: lines whose first sign is `=`. */
  browse(service: string): readonly string[] | undefined {
    try {
      const [file, ...args] = [
        'ip',
        ...this.lab.on('hub').slice(1),
        'avahi-browse',
        '-prt',
        service,
      ];
      const out = execFileSync(file, args, { env: this.env, encoding: 'utf8', stdio: 'pipe' });
      return out.split('\n').filter((line) => line.startsWith('='));
    } catch {
      return undefined;
    }
  }

  async stop(): Promise<void> {
    for (const child of this.children.toReversed()) {
      if (child.exitCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  }

  private get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(this.lab.folder, 'bus')}`,
    };
  }

  private isBusUp(bus: string): boolean {
    try {
      execFileSync('test', ['-S', bus]);
      return true;
    } catch {
      return false;
    }
  }

  private run(...command: readonly string[]): void {
    const args = [...this.lab.on('hub').slice(1), ...command];
    this.children.push(spawn('ip', args, { env: this.env, stdio: 'ignore' }));
  }
}

describeWith(
  { programs: ['ip', 'avahi-daemon', 'avahi-browse', 'dbus-daemon'], namespaces: true },
  'mdns between machines',
  () => {
    let lab: NetworkLab;

    beforeAll(() => {
      lab = NetworkLab.make('wm', '10.213.82', 3);
    });

    afterAll(() => lab.close());

    peerSourceContract('mdns', () => Promise.resolve(new MdnsBench(lab)), {
      // Whoever is killed is forgotten after 60 s.
      leftMs: 30_000,
      killedMs: 120_000,
    });
    peerClusterContract('mdns', () => Promise.resolve(new MdnsBench(lab)));

    describe('announcements', () => {
      const benches: MdnsBench[] = [];
      let avahi: Avahi;

      beforeAll(async () => {
        avahi = new Avahi(lab);
        await avahi.start();
      });

      afterEach(async () => {
        for (const bench of benches.splice(0)) await bench.close();
      });

      afterAll(() => avahi.stop());

      it('are resolved by Avahi as we mean them, and gone after the farewell', async () => {
        const bench = new MdnsBench(lab);
        benches.push(bench);
        const source = await bench.start(bench.replica(0));
        let lines: readonly string[] | undefined;
        const look = (): number | undefined => (lines = avahi.browse('_weir._tcp'))?.length;
        await eventually('Avahi has found the replica', () => look() === 1, 60_000);
        const fields = lines?.[0]?.split(';') ?? [];
        expect(fields.slice(3, 9)).toEqual([
          'r0',
          '_weir._tcp',
          'local',
          'r0.local',
          lab.host(0),
          '7946',
        ]);
        for (const text of ['"id=r0"', '"cluster=weir"', '"region=here"', '"grpc=50051"'])
          expect(fields[9]).toContain(text);
        await source.stop();
        await eventually('it is gone', () => look() === 0, 60_000);
      });

      it('of two clusters on one network do not mix', async () => {
        const ours = new MdnsBench(lab);
        const theirs = new MdnsBench(lab, 'other');
        benches.push(ours, theirs);
        const a = await ours.run(ours.replica(0), 'replica');
        const b = await theirs.run(theirs.replica(1), 'replica');
        const c = await ours.run(ours.replica(2), 'replica');
        for (const one of [a, c]) await one.knows('r0', 'r2');
        await b.knows('r1');
      });
    });
  },
);
