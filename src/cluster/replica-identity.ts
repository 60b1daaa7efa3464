import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { VERSION } from '../config/version.js';
import type { WeirConfig } from '../config/weir-config.js';
import type { Source } from './core/peer-message.js';
import type { ReplicaFacts } from './replica.js';
import { settingsHash } from './settings-hash.js';

/** Who this replica is, for as long as its process runs (ADR 0105). */
export class ReplicaIdentity {
  constructor(
    readonly name: string,
    readonly facts: Omit<ReplicaFacts, 'ports'>,
  ) {}

  /** As whose counts they are told. */
  get source(): Source {
    const { bootId, region } = this.facts;
    return { replicaId: this.name, bootId, region };
  }

  /** A new one, with each call. */
  static of(config: WeirConfig): ReplicaIdentity {
    const { nodeName, region } = config.cluster;
    const bootId = randomBytes(8).toString('hex');
    const name = nodeName ?? `${hostname()}-${bootId.slice(0, 6)}`;
    const facts = { region, bootId, version: VERSION, settingsHash: settingsHash(config) };
    return new ReplicaIdentity(name, facts);
  }
}
