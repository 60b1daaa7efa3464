import { readFileSync } from 'node:fs';
import type { GossipConfig } from '../config/gossip-config.js';
import { ConfigError } from '../config/config-error.js';
import { isKeyLength } from '../gossip/core/keyring.js';

const KEY_FILE_BYTES_MAX = 65_536;

/**
 * The keys of the gossip, from the setting or from the file; the first seals.
 *
 * @throws ConfigError that names the place, never the key.
 */
export function gossipKeys({ keys, keyFile }: GossipConfig): readonly Uint8Array[] {
  if (keyFile !== undefined) return keysOfFile(keyFile);
  return keys.map((key, index) => keyOf(key.reveal(), `cluster.gossip.keys[${index}]`));
}

/** One key a line; empty lines and lines that begin with # are skipped. */
function keysOfFile(path: string): readonly Uint8Array[] {
  const lines = readKeyFile(path).split('\n');
  const keys = lines.flatMap((line, index) => {
    const text = line.trim();
    const place = `cluster.gossip.keyFile line ${index + 1}`;
    return text === '' || text.startsWith('#') ? [] : [keyOf(text, place)];
  });
  if (keys.length > 0) return keys;
  throw fault('cluster.gossip.keyFile', 'has no key: write one a line, or remove the setting');
}

function readKeyFile(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length <= KEY_FILE_BYTES_MAX) return text;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw fault('cluster.gossip.keyFile', `cannot be read: ${why}`);
  }
  throw fault('cluster.gossip.keyFile', `is longer than ${KEY_FILE_BYTES_MAX} bytes`);
}

/** Base64, with or without padding. */
function keyOf(text: string, place: string): Uint8Array {
  const key = Uint8Array.from(Buffer.from(text, 'base64'));
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  if (isBase64 && isKeyLength(key.length)) return key;
  throw fault(place, 'is no key: "weir keyring generate" makes one of 32 bytes in base64');
}

const fault = (key: string, problem: string): ConfigError => new ConfigError([{ key, problem }]);
