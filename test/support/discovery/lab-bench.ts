import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { SelfAnnouncement } from '../../../src/discovery/peer-source.js';
import type { PeerSourceBench, RunningSource } from '../../contract/peer-source.contract.js';
import type { NetworkLab } from './network-lab.js';
import type { ReplicaChildOrder } from './replica-child.js';
import { ReplicaProcess } from './replica-process.js';

/** Where replicas run. */
export type Machines = Pick<NetworkLab, 'folder' | 'host' | 'on'>;

/** Replicas as processes on the machines of a lab: each has its own address, and all the same port. */
export abstract class LabBench<Lab extends Machines = NetworkLab> implements PeerSourceBench {
  private readonly running = new Set<ReplicaProcess>();

  constructor(protected readonly lab: Lab) {}

  /** The `cluster` block of the configuration. */
  protected abstract cluster(): object;

  /** The platform's part of a start and of an end, for sources that do not announce. */
  protected publish(_self: SelfAnnouncement): Promise<void> {
    return Promise.resolve();
  }

  protected withdraw(_self: SelfAnnouncement): Promise<void> {
    return Promise.resolve();
  }

  abstract takeAway(): Promise<void>;
  abstract bringBack(): Promise<void>;

  replica(index: number): SelfAnnouncement {
    return {
      replicaId: `r${index}`,
      host: this.lab.host(index),
      port: 7946,
      clusterName: 'weir',
      region: 'here',
    };
  }

  async start(self: SelfAnnouncement): Promise<RunningSource> {
    const process = await this.run(self, 'source');
    return {
      seen: process.seen,
      stop: () => this.end(self, process, () => process.stop()),
      kill: () => this.end(self, process, () => process.kill()),
    };
  }

  /** The same with gossip: what a whole replica does about its cluster. */
  async run(self: SelfAnnouncement, mode: ReplicaChildOrder['mode']): Promise<ReplicaProcess> {
    const configFile = join(this.lab.folder, `${self.replicaId}.yaml`);
    writeFileSync(configFile, stringify({ cluster: this.cluster() }));
    await this.publish(self);
    const machine = [0, 1, 2].find((index) => this.lab.host(index) === self.host) ?? 0;
    const process = await ReplicaProcess.start({ configFile, self, mode }, this.lab.on(machine));
    this.running.add(process);
    return process;
  }

  async close(): Promise<void> {
    await Promise.all([...this.running].map((process) => process.kill()));
    this.running.clear();
  }

  private async end(
    self: SelfAnnouncement,
    process: ReplicaProcess,
    how: () => Promise<void>,
  ): Promise<void> {
    if (!this.running.delete(process)) return;
    await how();
    await this.withdraw(self);
  }
}
