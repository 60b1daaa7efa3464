/**
 * Goal: no bytes make a decoder throw, hang or grow. Method: laws over random bytes, every capture
 * cut at each byte and with bits flipped, and bombs made by hand. The soak test runs the same for
 * hours; this is the part that fits into a unit run.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SeededRandom } from '../../common/seeded-random.js';
import { NodeGossipCrypto } from '../node-gossip-crypto.js';
import { encodeCompound } from './compound.js';
import { compress } from './compression.js';
import { concatBytes } from './bytes.js';
import { encodeMessage } from './message-encoder.js';
import { LabelSet } from './label-set.js';
import { Keyring } from './keyring.js';
import { lzwDecode } from './lzw-decoder.js';
import { lzwEncode } from './lzw-encoder.js';
import { decodePacket } from './packet-decoder.js';
import { StreamDecoder } from './stream-decoder.js';
import type { StreamDecoding } from './stream-decoder.js';
import { WireError } from './wire-error.js';
import type { WireSettings } from './wire-settings.js';

const fixtures: readonly { transport: string; hex: string }[] = JSON.parse(
  readFileSync(new URL('../../../test/interop/memberlist/fixtures.json', import.meta.url), 'utf8'),
).fixtures;

const plain: WireSettings = {
  labels: new LabelSet(new Uint8Array(0)),
  skipInboundLabelCheck: false,
  compression: true,
  keyring: new Keyring(),
  crypto: new NodeGossipCrypto(),
  encryptionVersion: 1,
  verifyIncoming: true,
  verifyOutgoing: true,
};
const keyed: WireSettings = { ...plain, keyring: new Keyring([new Uint8Array(32).fill(7)]) };

const feed = (settings: WireSettings, bytes: Uint8Array): StreamDecoding =>
  new StreamDecoder(settings, 'request', { bytesMax: 1 << 20 }).push(bytes);

describe('decoders against any bytes', () => {
  it('answer random bytes with a value', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 0, max: 15 }),
        (rest, type) => {
          const bytes = Uint8Array.from([type, ...rest]);
          const { messages, faults } = decodePacket(plain, bytes);
          expect(messages.length + faults.length).toBeGreaterThanOrEqual(type === 7 ? 0 : 1);
          feed(plain, bytes);
        },
      ),
    );
  });

  it('answer every capture cut at every byte', () => {
    for (const { hex } of fixtures.filter((fixture) => fixture.hex.length < 800)) {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
      for (let end = 0; end < bytes.length; end++) {
        decodePacket(plain, bytes.subarray(0, end));
        feed(plain, bytes.subarray(0, end));
      }
    }
  });

  it('answer every capture with any bit flipped, and believe none of them when a key is set', () => {
    let believed = 0;
    for (const { hex } of fixtures.filter((fixture) => fixture.hex.length < 200)) {
      const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const at = bit >> 3;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
        decodePacket(plain, bytes);
        believed += decodePacket(keyed, bytes).messages.length;
        if (feed(keyed, bytes).kind === 'message') believed++;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      }
    }
    expect(believed).toBe(0);
  });

  it('refuse a packet that expands beyond the largest packet', () => {
    const bomb = compress(new Uint8Array(3_000_000));
    expect(bomb.length).toBeLessThan(65_000);
    expect(decodePacket(plain, bomb)).toMatchObject({ messages: [], faults: ['too-large'] });
  });

  it('refuse to expand one packet again and again', () => {
    const part = compress(new Uint8Array(60_000));
    const { faults } = decodePacket(plain, encodeCompound(Array.from({ length: 40 }, () => part)));
    expect(faults.filter((fault) => fault === 'too-large')).toHaveLength(39);
  });

  it('refuse layers nested too deep', () => {
    let packet = encodeMessage({ kind: 'nack', seq: 1 });
    for (let depth = 0; depth < 6; depth++) packet = encodeCompound([packet]);
    expect(decodePacket(plain, packet).faults).toEqual(['too-deep']);
    expect(
      decodePacket(plain, compress(compress(encodeMessage({ kind: 'nack', seq: 1 })))),
    ).toMatchObject({
      messages: [{ kind: 'nack', seq: 1 }],
    });
  });

  it('bound the messages of one packet', () => {
    const part = encodeCompound(Array.from({ length: 127 }, () => Uint8Array.of(8, 1)));
    const { messages } = decodePacket(
      plain,
      encodeCompound(Array.from({ length: 120 }, () => part)),
    );
    expect(messages.length).toBe(2048);
  });

  it('refuse a stream longer than the limit, whatever it promises', () => {
    const decoder = new StreamDecoder(plain, 'request', { bytesMax: 100_000 });
    const endless = concatBytes([Uint8Array.of(8, 0x81, 0xa1, 65, 0xdb, 255, 255, 255, 255)]);
    let last = decoder.push(endless);
    for (let i = 0; i < 20 && last.kind === 'more'; i++)
      last = decoder.push(new Uint8Array(10_000));
    expect(last).toEqual({ kind: 'refused', fault: 'too-large' });
    expect(decoder.bufferedBytes).toBeLessThanOrEqual(100_000);
  });

  it.each([
    ['Nodes -1', 'a54e6f646573ff'],
    ['Nodes 1048577', 'a54e6f646573ce00100001'],
    ['UserStateLen 20 MiB + 1', 'ac5573657253746174654c656ece01400001'],
  ])('refuse a push/pull header with %s before they allocate', (_, field) => {
    const bytes = Uint8Array.from(Buffer.from(`0681${field}`, 'hex'));
    expect(feed(plain, bytes)).toEqual({ kind: 'refused', fault: 'out-of-range' });
  });

  it('refuse a frame over 20 MiB with an answer', () => {
    const head = Uint8Array.from([10, 0x01, 0x40, 0, 1]);
    expect(feed(keyed, head)).toMatchObject({
      kind: 'refused',
      fault: 'too-large',
      reply: expect.any(String),
    });
  });
});

describe('LZW', () => {
  const limit = (bytes: number, max: number): (() => Uint8Array) => {
    const packed = lzwEncode(new Uint8Array(bytes));
    return () => lzwDecode(packed, max);
  };

  it('gives back what went in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(8), (bytes, bits) => {
        const input = bytes.map((byte) => byte >> bits);
        expect(lzwDecode(lzwEncode(input), 4000)).toEqual(input);
      }),
    );
  });

  it('gives back inputs that fill the table many times', () => {
    const random = new SeededRandom(5);
    for (const bits of [1, 4, 8]) {
      const input = Uint8Array.from({ length: 60_000 }, () => random.below(1 << bits));
      expect(lzwDecode(lzwEncode(input), 60_000)).toEqual(input);
    }
  });

  it('stops one byte over its limit and not at it', () => {
    expect(limit(50_000, 50_000)()).toHaveLength(50_000);
    expect(limit(50_001, 50_000)).toThrow(WireError);
  });

  it('refuses codes that nothing stands for', () => {
    expect(() => lzwDecode(Uint8Array.of(0x00, 0xfd, 0xff, 0xff), 100)).toThrow(WireError);
  });
});
