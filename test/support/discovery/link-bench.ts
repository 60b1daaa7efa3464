import { LabBench } from './lab-bench.js';

/** Where the network itself is the service: it goes away when every machine is unplugged. */
export abstract class LinkBench extends LabBench {
  takeAway(): Promise<void> {
    return this.plugAll('down');
  }

  bringBack(): Promise<void> {
    return this.plugAll('up');
  }

  override async close(): Promise<void> {
    await this.plugAll('up');
    await super.close();
  }

  private plugAll(state: 'up' | 'down'): Promise<void> {
    for (const index of [0, 1, 2]) this.lab.plug(index, state);
    return Promise.resolve();
  }
}
