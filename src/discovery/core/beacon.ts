/**
 * What a replica calls out into its broadcast domain: 8 bytes that say what follows, 32 bytes of seal,
 * and a JSON document. The seal is an HMAC over the first and the last; without a key it is zero.
 */
import { fromUtf8, toUtf8 } from './bytes-text.js';

export interface Beacon {
  /** Service and cluster: whoever calls for another one is not meant. */
  readonly service: string;
  readonly cluster: string;
  readonly replicaId: string;
  /** Where its gossip listens. */
  readonly host: string;
  readonly port: number;
  readonly region: string;
  /** Wall time of the sender, in milliseconds; grows with each of its beacons. */
  readonly sentAtMs: number;
  /** `asking` has just come and wants to hear all others soon; `leaving` is its last. */
  readonly mood: 'here' | 'asking' | 'leaving';
}

const MAGIC = toUtf8('WEIRBCN1');
export const SEAL_BYTES = 32;
const HEAD_BYTES = MAGIC.length + SEAL_BYTES;

/** One packet of every network. */
const BEACON_BYTES_MAX = 1_400;

const TEXT_MAX = 255;

/** What the seal covers. */
export function beaconContent(beacon: Beacon): Uint8Array {
  return concat(MAGIC, toUtf8(JSON.stringify(beacon)));
}

export function sealedBeacon(content: Uint8Array, seal: Uint8Array | undefined): Uint8Array {
  const head = concat(content.subarray(0, MAGIC.length), seal ?? new Uint8Array(SEAL_BYTES));
  return concat(head, content.subarray(MAGIC.length));
}

export interface OpenedBeacon {
  readonly beacon: Beacon;
  readonly seal: Uint8Array;
  /** What the seal must cover. */
  readonly content: Uint8Array;
}

/** `undefined` for whatever is not a beacon. */
export function openBeacon(packet: Uint8Array): OpenedBeacon | undefined {
  if (packet.length <= HEAD_BYTES || packet.length > BEACON_BYTES_MAX) return undefined;
  if (!MAGIC.every((byte, at) => packet[at] === byte)) return undefined;
  const body = packet.subarray(HEAD_BYTES);
  const beacon = parse(fromUtf8(body));
  if (beacon === undefined) return undefined;
  const seal = packet.subarray(MAGIC.length, HEAD_BYTES);
  return { beacon, seal, content: concat(MAGIC, body) };
}

function parse(text: string | undefined): Beacon | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return isBeacon(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isBeacon(value: unknown): value is Beacon {
  if (typeof value !== 'object' || value === null) return false;
  const { service, cluster, replicaId, host, port, region, sentAtMs, mood } = value as Beacon;
  return (
    [service, cluster, replicaId, host, region].every(isText) &&
    Number.isSafeInteger(port) &&
    Number.isSafeInteger(sentAtMs) &&
    (mood === 'here' || mood === 'asking' || mood === 'leaving')
  );
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= TEXT_MAX;

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
