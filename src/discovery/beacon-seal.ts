import { createHmac, timingSafeEqual } from 'node:crypto';

/** So that a key of the gossip never makes the same bytes for two purposes. */
const PURPOSE = 'weir udp beacon 1';

/** Seals with the first key of the cluster, and opens with any, so that keys can be turned. */
export class BeaconSeal {
  constructor(private readonly keys: () => readonly Uint8Array[]) {}

  seal(content: Uint8Array): Uint8Array | undefined {
    const [first] = this.keys();
    return first === undefined ? undefined : mac(first, content);
  }

  check(content: Uint8Array, seal: Uint8Array): 'right' | 'wrong' | 'none' {
    const keys = this.keys();
    if (keys.length === 0) return 'none';
    return keys.some((key) => timingSafeEqual(mac(key, content), seal)) ? 'right' : 'wrong';
  }
}

function mac(key: Uint8Array, content: Uint8Array): Uint8Array {
  const own = createHmac('sha256', key).update(PURPOSE).digest();
  return createHmac('sha256', own).update(content).digest();
}
