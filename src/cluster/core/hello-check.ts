import { type Hello, PROTOCOL_VERSION, type RefusalReason } from './peer-message.js';
import type { ReplicationOptions } from './replication-options.js';

export interface Objection {
  readonly reason: RefusalReason;
  /** Names of the settings that differ. */
  readonly settings: readonly string[];
}

/**
 * Why counts are not exchanged with whoever says this; undefined if they are. Only settings that change
 * what a counter means are compared.
 */
export function objectionTo(hello: Hello, options: ReplicationOptions): Objection | undefined {
  if (hello.cluster !== options.cluster) return { reason: 'cluster', settings: ['cluster.name'] };
  if (hello.protocolVersion !== PROTOCOL_VERSION) return { reason: 'protocol', settings: [] };
  const { replicaId, bootId } = hello.source;
  if (replicaId === '' || bootId === '' || replicaId === options.self.replicaId)
    return { reason: 'identity', settings: [] };
  const names = new Set([...options.settings.keys(), ...hello.settings.keys()]);
  const differ = [...names].filter(
    (name) => hello.settings.get(name) !== options.settings.get(name),
  );
  return differ.length === 0 ? undefined : { reason: 'settings', settings: differ.sort() };
}

export const objectionText = ({ reason, settings }: Objection): string =>
  settings.length === 0 ? reason : `${reason}: ${settings.join(', ')}`;
