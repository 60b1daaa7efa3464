import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { removeFolderSync } from '../../../src/common/remove-folder.js';
import type { SelfAnnouncement } from '../../../src/discovery/peer-source.js';
import type { ReplicaChildOrder } from './replica-child.js';
import { LabBench, type Machines } from './lab-bench.js';
import { loopbackMachines } from './loopback.js';
import type { ReplicaProcess } from './replica-process.js';

/** Something that is asked who is there, and may be away. */
export interface Registry {
  start(): Promise<void>;
  kill(): Promise<void>;
}

let serviceNumber = 0;

/** Replicas on loopback with a registry between them; each bench has a service of its own. */
export abstract class RegistryBench<R extends Registry> extends LabBench<Machines> {
  protected readonly serviceName = `weir-${(serviceNumber += 1)}`;
  private readonly listeners = new Map<string, Server>();
  private isAway = false;

  constructor(protected readonly registry: R) {
    super(loopbackMachines());
  }

  takeAway(): Promise<void> {
    this.isAway = true;
    return this.registry.kill();
  }

  bringBack(): Promise<void> {
    this.isAway = false;
    return this.registry.start();
  }

  override async close(): Promise<void> {
    await super.close();
    for (const server of this.listeners.values()) server.close();
    if (this.isAway) await this.bringBack();
    removeFolderSync(this.lab.folder);
  }

  /** A source alone has no gossip, and a registry may look whether somebody listens there. */
  override async run(
    self: SelfAnnouncement,
    mode: ReplicaChildOrder['mode'],
  ): Promise<ReplicaProcess> {
    if (mode === 'source') await this.listen(self);
    return super.run(self, mode);
  }

  protected override withdraw({ replicaId }: SelfAnnouncement): Promise<void> {
    this.listeners.get(replicaId)?.close();
    this.listeners.delete(replicaId);
    return Promise.resolve();
  }

  private async listen({ replicaId, host, port }: SelfAnnouncement): Promise<void> {
    const server = createServer((socket) => socket.destroy());
    server.listen(port, host);
    await once(server, 'listening');
    this.listeners.set(replicaId, server);
  }
}
