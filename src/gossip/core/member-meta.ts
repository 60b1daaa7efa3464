/**
 * What a replica tells of itself in its member's metadata: one byte that says it is ours, then a map
 * in the same msgpack as everything else. Nodes of other programs have other metadata, or none; for
 * them the answer is `undefined`. Keys that a later release adds are skipped by earlier ones.
 */
import { concatBytes } from './bytes.js';
import { MsgpackReader } from './msgpack-reader.js';
import { MsgpackWriter } from './msgpack-writer.js';
import { StructReader } from './struct-reader.js';
import { WireError } from './wire-error.js';

export interface MemberMeta {
  readonly region: string;
  /** Changes with each start: tells a restarted replica from one that was only silent. */
  readonly bootId: string;
  readonly version: string;
  /** Of the settings that all replicas must agree on. */
  readonly settingsHash: string;
  /** 0: not served. */
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly peerPort: number;
}

/** "W". serf's metadata begins with ff, a bare msgpack map with 80 or more. */
const OURS = 0x57;

const SCHEMA = new StructReader({
  Boot: 'text',
  Grpc: 'u16',
  Hash: 'text',
  Http: 'u16',
  Peer: 'u16',
  Region: 'text',
  Version: 'text',
});

export function encodeMemberMeta(meta: MemberMeta): Uint8Array {
  const writer = new MsgpackWriter();
  writer.mapHeader(7);
  const text = (key: string, value: string): void => {
    writer.key(key);
    writer.text(value);
  };
  const port = (key: string, value: number): void => {
    writer.key(key);
    writer.unsigned(value);
  };
  text('Boot', meta.bootId);
  port('Grpc', meta.grpcPort);
  text('Hash', meta.settingsHash);
  port('Http', meta.httpPort);
  port('Peer', meta.peerPort);
  text('Region', meta.region);
  text('Version', meta.version);
  return concatBytes([Uint8Array.of(OURS), writer.finish()]);
}

export function decodeMemberMeta(bytes: Uint8Array | undefined): MemberMeta | undefined {
  if (bytes?.[0] !== OURS) return undefined;
  try {
    const found = SCHEMA.read(new MsgpackReader(bytes, 1));
    return {
      region: found.Region,
      bootId: found.Boot,
      version: found.Version,
      settingsHash: found.Hash,
      grpcPort: found.Grpc,
      httpPort: found.Http,
      peerPort: found.Peer,
    };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
