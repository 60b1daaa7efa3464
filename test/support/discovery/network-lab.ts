import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolderSync } from '../../../src/common/remove-folder.js';

const ip = (...args: readonly string[]): void => {
  execFileSync('ip', args, { stdio: 'pipe' });
};

/** Where `ip netns exec` finds a namespace's own files of /etc. */
const ETC = '/etc/netns';

/** A few machines on one switch: network namespaces on a bridge, which packets really cross. */
export class NetworkLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'weir-lab-'));
  private readonly spaces: string[] = [];

  /** `subnet` is the first three bytes of the addresses. The hub is `.1`, the machines `.10` and up. */
  private constructor(
    private readonly name: string,
    readonly subnet: string,
  ) {}

  static isPossible(): boolean {
    const probe = `weir-probe-${process.pid}`;
    try {
      ip('netns', 'add', probe);
      ip('netns', 'del', probe);
      return true;
    } catch {
      return false;
    }
  }

  static make(name: string, subnet: string, machines: number): NetworkLab {
    const lab = new NetworkLab(`${name}${process.pid}`, subnet);
    lab.addSpace('hub');
    ip('-n', lab.space('hub'), 'link', 'add', 'switch', 'type', 'bridge');
    ip('-n', lab.space('hub'), 'addr', 'add', `${subnet}.1/24`, 'brd', '+', 'dev', 'switch');
    ip('-n', lab.space('hub'), 'link', 'set', 'switch', 'up');
    for (let index = 0; index < machines; index++) lab.addMachine(index);
    return lab;
  }

  get hub(): string {
    return `${this.subnet}.1`;
  }

  host(index: number): string {
    return `${this.subnet}.${10 + index}`;
  }

  /** In front of a command that is to run on a machine, or on the hub. */
  on(machine: number | 'hub'): readonly string[] {
    return ['ip', 'netns', 'exec', this.space(machine)];
  }

  /** Pulls the plug of a machine, or puts it back. */
  plug(index: number, state: 'up' | 'down'): void {
    ip('-n', this.space('hub'), 'link', 'set', `port${index}`, state);
  }

  close(): void {
    for (const space of this.spaces) {
      ip('netns', 'del', space);
      removeFolderSync(join(ETC, space));
    }
    removeFolderSync(this.folder);
  }

  private addMachine(index: number): void {
    this.addSpace(String(index));
    const space = this.space(index);
    const port = `port${index}`;
    ip(
      '-n',
      space,
      'link',
      'add',
      'eth0',
      'type',
      'veth',
      'peer',
      'name',
      port,
      'netns',
      this.space('hub'),
    );
    ip('-n', this.space('hub'), 'link', 'set', port, 'master', 'switch', 'up');
    ip('-n', space, 'addr', 'add', `${this.host(index)}/24`, 'brd', '+', 'dev', 'eth0');
    ip('-n', space, 'link', 'set', 'eth0', 'up');
    ip('-n', space, 'route', 'add', 'default', 'via', this.hub);
  }

  /** Names are resolved on the hub, and completed with `lab`. */
  private addSpace(machine: string): void {
    const space = this.space(machine);
    ip('netns', 'add', space);
    this.spaces.push(space);
    ip('-n', space, 'link', 'set', 'lo', 'up');
    mkdirSync(join(ETC, space), { recursive: true });
    const options = 'options timeout:1 attempts:1';
    writeFileSync(
      join(ETC, space, 'resolv.conf'),
      `search lab\nnameserver ${this.hub}\n${options}\n`,
    );
    writeFileSync(join(ETC, space, 'hosts'), '127.0.0.1 localhost\n');
  }

  private space(machine: number | string): string {
    return `${this.name}-${machine}`;
  }
}
