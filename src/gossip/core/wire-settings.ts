/** What all packets and streams of one node have in common. The keyring may change while running. */
import type { EncryptionVersion } from './encryption-envelope.js';
import { SEAL_OVERHEAD_BYTES, SEAL_OVERHEAD_BYTES_V0 } from './encryption-envelope.js';
import type { GossipCrypto } from './gossip-crypto.js';
import type { Keyring } from './keyring.js';
import type { LabelSet } from './label-set.js';
import { labelOverheadBytes } from './label.js';

export interface WireSettings {
  /** May change while running, as the keys may. The empty label is none. */
  readonly labels: LabelSet;
  /** A proxy has taken the label off already: a header that is still there is an error. */
  readonly skipInboundLabelCheck: boolean;
  readonly compression: boolean;
  readonly keyring: Keyring;
  readonly crypto: GossipCrypto;
  readonly encryptionVersion: EncryptionVersion;
  /** Refuse what is not encrypted with a key of the ring. Off only while a cluster is migrated. */
  readonly verifyIncoming: boolean;
  /** Encrypt what we send. Off only while a cluster is migrated. */
  readonly verifyOutgoing: boolean;
}

/** The key to seal with, if anything is to be sealed at all. */
export function sealingKey(settings: WireSettings): Uint8Array | undefined {
  return settings.verifyOutgoing ? settings.keyring.primary : undefined;
}

/** What label and encryption will add to a packet, which its messages must leave free. */
export function packetOverheadBytes(settings: WireSettings): number {
  const label = labelOverheadBytes(settings.labels.own);
  if (sealingKey(settings) === undefined) return label;
  return label + (settings.encryptionVersion === 0 ? SEAL_OVERHEAD_BYTES_V0 : SEAL_OVERHEAD_BYTES);
}
