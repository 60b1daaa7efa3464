/**
 * `dns` and `static` against dnsmasq: three machines in namespaces of their own, whose names come and
 * go while they run.
 */
import { afterAll, beforeAll, jest } from '@jest/globals';
import type { SelfAnnouncement } from '../../../src/discovery/peer-source.js';
import { peerClusterContract } from '../../contract/peer-cluster.contract.js';
import { peerSourceContract } from '../../contract/peer-source.contract.js';
import { LabBench } from '../../support/discovery/lab-bench.js';
import { NameServer } from '../../support/discovery/name-server.js';
import { NetworkLab } from '../../support/discovery/network-lab.js';
import { describeWith } from '../../support/discovery/needs.js';

jest.setTimeout(600_000);

/** Leaving and being killed are alike: the platform takes the record away. */
const LIMITS = { leftMs: 60_000, killedMs: 60_000 };

abstract class NamesBench extends LabBench {
  private readonly server = new NameServer({
    folder: this.lab.folder,
    host: this.lab.hub,
    wrapper: this.lab.on('hub'),
  });

  async open(): Promise<this> {
    await this.server.start();
    return this;
  }

  takeAway(): Promise<void> {
    return this.server.stop();
  }

  bringBack(): Promise<void> {
    return this.server.start();
  }

  override async close(): Promise<void> {
    await super.close();
    await this.server.stop();
  }

  protected abstract nameOf(self: SelfAnnouncement): string;

  protected override publish(self: SelfAnnouncement): Promise<void> {
    return this.server.add(self.host, this.nameOf(self));
  }

  protected override withdraw(self: SelfAnnouncement): Promise<void> {
    return this.server.remove(self.host);
  }
}

/** One name for all, as a headless service has it; the search completes it. */
class DnsBench extends NamesBench {
  protected cluster(): object {
    return { discovery: { enabled: true, type: 'dns', dnsNames: ['weir'], dialTimeout: '3s' } };
  }

  protected nameOf(): string {
    return 'weir.lab';
  }
}

class StaticBench extends NamesBench {
  protected cluster(): object {
    return { peers: ['r0.lab:7946', 'r1.lab:7946', 'r2.lab'] };
  }

  protected nameOf({ replicaId }: SelfAnnouncement): string {
    return `${replicaId}.lab`;
  }
}

describeWith({ programs: ['ip', 'dnsmasq'], namespaces: true }, 'names', () => {
  let lab: NetworkLab;

  beforeAll(() => {
    lab = NetworkLab.make('wn', '10.213.80', 3);
  });

  afterAll(() => lab.close());

  peerSourceContract('dns', () => new DnsBench(lab).open(), LIMITS);
  peerClusterContract('dns', () => new DnsBench(lab).open());

  peerSourceContract('static', () => new StaticBench(lab).open(), LIMITS);
  peerClusterContract('static', () => new StaticBench(lab).open());
});
