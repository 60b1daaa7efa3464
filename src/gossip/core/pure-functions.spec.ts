/** The vectors of the protocol's small functions. */
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../common/seeded-random.js';
import { monoMs } from '../../common/time.js';
import { AllowedNetworks } from '../../common/allowed-networks.js';
import { Awareness } from './awareness.js';
import { BroadcastQueue, transmitLimit } from './broadcast-queue.js';
import { decodeCompound, encodeCompound, packMessages } from './compound.js';
import { crc32 } from './crc32.js';
import { addressText, parseAddress } from '../../common/ip-address.js';
import { endpointText } from './endpoint.js';
import { open, seal, sealedLength } from './encryption-envelope.js';
import { pushPullScale } from './exchange-desk.js';
import { Keyring } from './keyring.js';
import { labelHeader, labelOverheadBytes, takeLabel } from './label.js';
import { pickRandom } from './random-members.js';
import { minSuspicionMs, Suspicion, suspicionBounds, suspicionTimeoutMs } from './suspicion.js';
import { versionConflict } from './version-check.js';
import { NodeGossipCrypto } from '../node-gossip-crypto.js';
import { WireError } from './wire-error.js';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

describe('suspicion', () => {
  it.each([
    [5, 1000],
    [10, 1000],
    [50, 1698],
    [100, 2000],
    [500, 2698],
    [1000, 3000],
  ])('has a least time-out for %d members', (n, ms) => expect(minSuspicionMs(1, n, 1000)).toBe(ms));

  const slow = { minMs: 2000, maxMs: 30_000, confirmations: 3 };
  it.each([
    [0, 0, 30_000],
    [1, 2000, 14_000],
    [2, 3000, 4810],
    [3, 4000, -2000],
    [4, 5000, -3000],
  ])('with %d confirmations after %d ms leaves %d ms', (confirmed, elapsed, left) => {
    expect(suspicionTimeoutMs(slow, confirmed) - elapsed).toBe(left);
  });

  it.each([
    [0, 2000],
    [1, 1250],
    [2, 811],
    [3, 500],
  ])('with %d confirmations of 3 wanted waits %d ms', (confirmed, ms) => {
    expect(suspicionTimeoutMs({ minMs: 500, maxMs: 2000, confirmations: 3 }, confirmed)).toBe(ms);
  });

  it.each([
    [3, 0],
    [4, 2],
    [5, 2],
  ])('among %d members with a multiplier of 4 wants %d confirmations', (n, wanted) => {
    const options = { suspicionMult: 4, suspicionMaxTimeoutMult: 6, probeIntervalMs: 200 };
    expect(suspicionBounds(options, n)).toEqual({ minMs: 800, maxMs: 4800, confirmations: wanted });
  });

  it('counts an accuser once, and the first never', () => {
    const suspicion = new Suspicion({ minMs: 1, maxMs: 9, confirmations: 2 }, 'a', monoMs(100));
    expect(suspicion.confirm('a')).toBe(false);
    expect(suspicion.confirm('b')).toBe(true);
    expect(suspicion.confirm('b')).toBe(false);
    expect(suspicion.deadline).toBeLessThan(109);
    expect(suspicion.confirm('c')).toBe(true);
    expect(suspicion.confirm('d')).toBe(false);
    expect(suspicion.deadline).toBe(101);
  });
});

describe('awareness', () => {
  it('stays between 0 and one below the multiplier', () => {
    const awareness = new Awareness(8);
    const scores = [0, -1, -10, 1, -1, 10, -1, -1].map((delta) => {
      awareness.add(delta);
      return awareness.score;
    });
    expect(scores).toEqual([0, 0, 0, 1, 0, 7, 6, 5]);
    expect(awareness.scale(1000)).toBe(6000);
  });
});

describe('broadcast queue', () => {
  const filled = (count: number): BroadcastQueue => {
    const queue = new BroadcastQueue(3, 100);
    for (let i = 0; i < count; i++)
      queue.add({ name: `n${i}`, message: new Uint8Array(18).fill(i) });
    return queue;
  };

  it.each([
    [3, 0, 0],
    [3, 1, 3],
    [3, 99, 6],
    [4, 9, 4],
    [4, 10, 8],
    [2, 2, 2],
  ])('with multiplier %d among %d sends a message %d times', (mult, n, times) => {
    expect(transmitLimit(mult, n)).toBe(times);
  });

  it.each([
    [2, 4],
    [3, 3],
  ])('fits messages with an overhead of %d', (overhead, count) => {
    expect(filled(4).take(80, overhead, 10).messages).toHaveLength(count);
  });

  it('serves the least sent first, then the longest, then the newest', () => {
    const queue = new BroadcastQueue(3, 100);
    queue.add({ name: 'a', message: Uint8Array.of(1, 1) });
    queue.take(100, 0, 10);
    queue.add({ name: 'b', message: Uint8Array.of(2) });
    queue.add({ name: 'c', message: Uint8Array.of(3, 3) });
    queue.add({ name: 'd', message: Uint8Array.of(4, 4) });
    const order = queue.take(100, 0, 10).messages.map((message) => message[0]);
    expect(order).toEqual([4, 3, 2, 1]);
  });

  it('serves an urgent message before longer ones', () => {
    const queue = filled(3);
    queue.add({ name: 'leave', message: Uint8Array.of(9), urgent: true });
    expect(queue.take(100, 0, 10).messages[0]).toEqual(Uint8Array.of(9));
  });

  it('replaces older news of the same name, and reports it', () => {
    const queue = new BroadcastQueue(3, 100);
    queue.add({ name: 'a', message: Uint8Array.of(1), token: 't' });
    expect(queue.add({ name: 'a', message: Uint8Array.of(2) })).toEqual(['t']);
    expect(queue.take(100, 0, 1).messages).toEqual([Uint8Array.of(2)]);
  });

  it('sends each packet once against the limit, then reports and forgets', () => {
    const queue = new BroadcastQueue(1, 100);
    queue.add({ name: 'a', message: Uint8Array.of(1), token: 't' });
    expect(queue.take(100, 0, 5).finished).toEqual(['t']);
    expect(queue.length).toBe(0);
  });

  it('keeps that order however it is mixed', () => {
    const random = new SeededRandom(5);
    const queue = new BroadcastQueue(3, 100);
    const sent = new Map<string, number>();
    for (let step = 0; step < 2_000; step++) {
      const name = `n${random.below(30)}`;
      const message = Uint8Array.from({ length: 3 + random.below(9) }, () => Number(name.slice(1)));
      if (random.below(3) > 0) {
        queue.add({ name, message });
        sent.set(name, 0);
        continue;
      }
      const { messages } = queue.take(60, 2, 50);
      const times = messages.map((each) => sent.get(`n${each[0]}`) ?? -1);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(new Set(messages.map((each) => each[0])).size).toBe(messages.length);
      for (const [i, each] of messages.entries()) {
        const before = messages[i - 1];
        if (before !== undefined && times[i] === times[i - 1])
          expect(before.length).toBeGreaterThanOrEqual(each.length);
        const now = (times[i] ?? 0) + 1;
        if (now === transmitLimit(3, 50)) sent.delete(`n${each[0]}`);
        else sent.set(`n${each[0]}`, now);
      }
      expect(queue.length).toBe(sent.size);
    }
  });

  it('drops the most often sent when full', () => {
    const queue = new BroadcastQueue(3, 2);
    queue.add({ name: 'a', message: Uint8Array.of(1) });
    queue.take(100, 0, 10);
    queue.add({ name: 'b', message: Uint8Array.of(2) });
    queue.add({ name: 'c', message: Uint8Array.of(3) });
    expect([queue.has('a'), queue.has('b'), queue.has('c')]).toEqual([false, true, true]);
  });
});

describe('push/pull interval', () => {
  it.each([
    [2, 1],
    [32, 1],
    [33, 2],
    [64, 2],
    [65, 3],
    [128, 3],
    [129, 4],
    [256, 4],
  ])('of %d members is scaled by %d', (n, scale) => expect(pushPullScale(n)).toBe(scale));
});

describe('random choice', () => {
  it.each([3, 8, 9, 50])('among %d picks each at most once and none excluded', (n) => {
    const items = Array.from({ length: n }, (_, i) => i);
    const picked = pickRandom(items, 3, new SeededRandom(n), (item) => item !== 0);
    expect(new Set(picked).size).toBe(Math.min(3, n - 1));
    expect(picked).not.toContain(0);
  });
});

describe('version check', () => {
  const entry = ([least, greatest, spoken]: readonly number[], shifted: boolean) => ({
    name: 'x',
    state: 0,
    vsn: Uint8Array.from(
      shifted
        ? [0, 0, 0, least ?? 0, greatest ?? 0, spoken ?? 0]
        : [least ?? 0, greatest ?? 0, spoken ?? 0, 0, 0, 0],
    ),
  });

  it.each([
    [[[0, 0, 0]], [[0, 0, 0]], true],
    [[[0, 0, 0]], [[0, 1, 0]], true],
    [[[0, 0, 0]], [[1, 1, 1]], false],
    [
      [
        [0, 1, 0],
        [0, 2, 1],
      ],
      [[1, 3, 1]],
      false,
    ],
    [
      [
        [0, 3, 2],
        [0, 2, 0],
      ],
      [
        [0, 2, 1],
        [0, 5, 0],
      ],
      true,
    ],
  ])('of %j and %j is %p', (local, remote, ok) => {
    for (const shifted of [false, true]) {
      const entries = [...local, ...remote].map((versions) => entry(versions, shifted));
      expect(versionConflict(entries) === undefined).toBe(ok);
      expect(versionConflict(entries.toReversed()) === undefined).toBe(ok);
    }
  });

  it('asks it of the dead as well, and counts no versions as zero', () => {
    const fine = entry([1, 5, 2], false);
    const alien = { ...entry([1, 5, 9], false), state: 2 };
    expect(versionConflict([fine, alien])).toContain('protocol version (9)');
    expect(versionConflict([fine, { name: 'y', state: 0 }])).toContain('(0)');
  });
});

describe('allowed networks', () => {
  const networks = new AllowedNetworks(['10.0.0.0/8', '192.168.16.0/20', 'fd00::/8', '127.0.0.1']);
  it.each([
    ['10.200.3.4', true],
    ['11.0.0.1', false],
    ['192.168.31.255', true],
    ['192.168.32.0', false],
    ['fd12::1', true],
    ['fe80::1', false],
    ['127.0.0.1', true],
    ['127.0.0.2', false],
    ['::ffff:10.0.0.1', true],
  ])('%s: %p', (address, allowed) => {
    expect(networks.allows(parseAddress(address) ?? new Uint8Array(0))).toBe(allowed);
  });

  it('match no absent address, unless everything is allowed', () => {
    expect(networks.allows(new Uint8Array(0))).toBe(false);
    expect(new AllowedNetworks().allows(new Uint8Array(0))).toBe(true);
  });

  it.each(['10.0.0.0/33', '10.0.0', 'x', '10.0.0.0/', 'fd00::/129', '1.2.3.4/8/9'])(
    'refuse %p with the field and the fix',
    (cidr) => {
      expect(() => new AllowedNetworks(['10.0.0.0/8', cidr])).toThrow(
        /allowedAddressSpace\[1\].*10\.0\.0\.0\/8/,
      );
    },
  );
});

describe('endpoint', () => {
  it.each([
    ['7f000001', '127.0.0.1:80'],
    ['00000000000000000000ffff0a630001', '10.99.0.1:80'],
    ['00000000000000000000000000000001', '[::1]:80'],
    ['20010db8000000000000000000000001', '[2001:db8::1]:80'],
    ['0102030405', '?0102030405:80'],
  ])('%s is shown as %s', (hex, text) => {
    expect(endpointText({ addr: bytes(hex), port: 80 })).toBe(text);
  });

  it.each(['1.2.3.4', '::1', 'fe80::1:2', '2001:db8::', '::'])('%s is read and shown', (text) => {
    expect(addressText(parseAddress(text) ?? new Uint8Array(0))).toBe(text);
  });

  it.each(['1.2.3', '1.2.3.256', 'host', ':::', '1::2::3', '1:2', '12345::'])(
    '%s is no address',
    (text) => expect(parseAddress(text)).toBeUndefined(),
  );
});

describe('compound', () => {
  it('adds two bytes and two for each part, and gives the parts back', () => {
    const parts = [Uint8Array.of(8, 1), Uint8Array.of(8, 2, 3), Uint8Array.of(8)];
    const packet = encodeCompound(parts);
    expect(packet).toHaveLength(2 + 3 * 2 + 6);
    expect(decodeCompound(packet.subarray(1))).toEqual({ parts, truncated: 0 });
  });

  it('says how many parts a cut packet has lost', () => {
    const packet = encodeCompound([Uint8Array.of(8, 1), Uint8Array.of(8, 2)]);
    expect(decodeCompound(packet.subarray(1, -1))).toMatchObject({ truncated: 1 });
    expect(() => decodeCompound(Uint8Array.of(0x80))).toThrow('truncated');
  });

  it('never packs more than 127 parts', () => {
    const packets = packMessages(Array.from({ length: 300 }, () => Uint8Array.of(8)));
    expect(packets.map((packet) => packet[1])).toEqual([127, 127, 46]);
    expect(packMessages([Uint8Array.of(8)])).toEqual([Uint8Array.of(8)]);
  });
});

describe('label', () => {
  it.each([['f478'], ['f4'], ['f40278']])('%s is cut short', (hex) =>
    expect(() => takeLabel(bytes(hex))).toThrow('cut short'),
  );

  it('may not be empty', () => expect(() => takeLabel(bytes('f40001'))).toThrow('empty'));

  it('is taken off, or is absent', () => {
    expect(takeLabel(bytes('f40361626307'))).toEqual({ label: bytes('616263'), rest: bytes('07') });
    for (const hex of ['', '00', '01aa', '0d']) {
      expect(takeLabel(bytes(hex))).toEqual({ label: bytes(''), rest: bytes(hex) });
    }
  });

  it('has at most 255 bytes', () => {
    expect(labelHeader(new Uint8Array(255))).toHaveLength(257);
    expect(() => labelHeader(new Uint8Array(256))).toThrow(WireError);
    expect([labelOverheadBytes(bytes('')), labelOverheadBytes(bytes('6162'))]).toEqual([0, 4]);
  });
});

describe('encryption', () => {
  const crypto = new NodeGossipCrypto();
  const aad = bytes('01');
  const combinations = [16, 24, 32].flatMap((length) =>
    ([0, 1] as const).map((version) => [length, version] as const),
  );

  it.each(combinations)('opens what it sealed: %d-byte key, version %d', (length, version) => {
    const key = new Uint8Array(length).fill(length);
    const ring = new Keyring([new Uint8Array(16), key]);
    for (const size of [0, 1, 15, 16, 17, 100]) {
      const plain = new Uint8Array(size).fill(3);
      const sealed = seal(crypto, key, plain, { aad, version });
      expect(sealed).toHaveLength(sealedLength(size, version));
      expect(open(crypto, ring, sealed, aad)).toEqual(plain);
      expect(() => open(crypto, ring, sealed, bytes('02'))).toThrow(WireError);
    }
  });

  it('refuses other keys, other versions and short payloads', () => {
    const ring = new Keyring([new Uint8Array(16)]);
    const sealed = seal(crypto, new Uint8Array(16).fill(1), aad, { aad, version: 1 });
    expect(() => open(crypto, ring, sealed, aad)).toThrow(WireError);
    expect(() => open(crypto, ring, bytes(`02${'00'.repeat(60)}`), aad)).toThrow(WireError);
    expect(() => open(crypto, ring, new Uint8Array(28), aad)).toThrow(WireError);
  });
});

describe('keyring', () => {
  const [a, b] = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)];

  it('rotates: install, use, remove', () => {
    const ring = new Keyring([a]);
    expect(ring.use(b)).toBe('not-installed');
    expect(ring.install(b)).toBeUndefined();
    expect(ring.install(b)).toBeUndefined();
    expect(ring.remove(a)).toBe('is-primary');
    expect(ring.use(b)).toBeUndefined();
    expect(ring.list()).toEqual([b, a]);
    expect(ring.remove(a)).toBeUndefined();
    expect(ring.list()).toEqual([b]);
  });

  it('refuses keys of other lengths, and too many', () => {
    const ring = new Keyring();
    expect(ring.install(new Uint8Array(17))).toBe('bad-length');
    for (let i = 0; i < 16; i++) ring.install(new Uint8Array(16).fill(i));
    expect(ring.primary).toEqual(new Uint8Array(16));
    expect(ring.install(new Uint8Array(16).fill(99))).toBe('too-many');
  });
});

describe('crc32', () => {
  it('is the one of zlib', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf4_3926);
    expect(crc32(new Uint8Array(0))).toBe(0);
  });
});
