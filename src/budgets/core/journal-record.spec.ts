import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { wallMs } from '../../common/time.js';
import { crc32c } from './crc32c.js';
import { INT64_MAX, INT64_MIN } from './int64.js';
import type { JournalEntry } from './journal-entry.js';
import { entryJson, readEntryJson } from './journal-json.js';
import { encodePosition, readPosition } from './journal-position.js';
import { encodeHeader, encodeRecord, FRAME_BYTES, HEADER_BYTES } from './journal-record.js';
import { scanSegment } from './journal-scan.js';
import type { PeriodLimit } from './ledger-item.js';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const int64 = fc.bigInt({ min: INT64_MIN, max: INT64_MAX });
const count = fc.nat();
const period = fc.record({
  budgetId: text,
  generation: count,
  period: fc.record({ start: count.map(wallMs), end: count.map(wallMs) }),
});
const limit: fc.Arbitrary<PeriodLimit> = fc.record({
  key: period,
  limitNanos: int64,
  isEnforced: fc.boolean(),
  thresholdPercents: fc.array(count, { maxLength: 3 }),
});
const entry: fc.Arbitrary<JournalEntry> = fc.record({
  journaledAt: count.map(wallMs),
  item: fc.record({
    kind: fc.constant('debit' as const),
    debit: fc.record({
      id: text,
      scope: text,
      idempotencyKey: text,
      bodyHash: text,
      virtualKeyId: text,
      teamId: text,
      customerId: text,
      provider: text,
      model: text,
      amountNanos: int64,
      tokens: fc.record({ input: int64, cachedInput: int64, output: int64, reasoning: int64 }),
      priceId: text,
      priceRevision: count,
      postedTo: fc.array(period, { maxLength: 3 }),
    }),
    reservation: fc.oneof(
      fc.constant(undefined),
      fc.record({ kind: fc.constant('id' as const), id: text }),
      fc.record({ kind: fc.constant('key' as const), key: text }),
    ),
    watched: fc.array(limit, { maxLength: 2 }),
  }),
});

const [SMALL = []] = fc.sample(fc.array(entry, { minLength: 3, maxLength: 3 }), {
  seed: 11,
  numRuns: 1,
});

function segmentOf(entries: readonly JournalEntry[]) {
  const parts = [encodeHeader(7), ...entries.map(encodeRecord)];
  const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
  let at = HEADER_BYTES;
  const ends = parts.slice(1).map((part) => (at += part.length));
  return { bytes, ends };
}

const entriesOf = (bytes: Uint8Array) => {
  const scan = scanSegment(bytes);
  return scan.kind === 'segment' ? scan.records.map((record) => record.entry) : [];
};

describe('crc32c', () => {
  it('gives the check value of the standard and those of RFC 3720', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });
});

describe('a journaled debit as JSON', () => {
  it('comes back as it was, 64-bit integers and odd texts included', () => {
    fc.assert(
      fc.property(entry, (before) => {
        expect(readEntryJson(entryJson(before))).toEqual(before);
      }),
    );
  });

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '"text"',
    entryJson(SMALL[0] ?? never()).replace('"tokens":["', '"tokens":["x'),
    entryJson(SMALL[0] ?? never()).replace('"debit"', '"debt"'),
    entryJson(SMALL[0] ?? never()).replace(/"amountNanos":"-?\d+"/, '"amountNanos":1'),
    entryJson(SMALL[0] ?? never()).replace(/"amountNanos":"-?\d+"/, `"amountNanos":"${2n ** 63n}"`),
  ])('is not read from anything else: %#', (json) => {
    expect(readEntryJson(json)).toBeUndefined();
  });
});

describe('scanSegment', () => {
  it('gives back what was written, with its place', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
        const { bytes, ends } = segmentOf(entries);
        const scan = scanSegment(bytes);
        expect(scan).toMatchObject({ kind: 'segment', damages: [] });
        expect(entriesOf(bytes)).toEqual(entries);
        if (scan.kind === 'segment') expect(scan.records.map(({ end }) => end)).toEqual(ends);
      }),
    );
  });

  it('gives back that limits were corrected, which older records do not say', () => {
    const entries = SMALL.map((each) => ({ ...each, areLimitsCorrected: true }));
    expect(entriesOf(segmentOf(entries).bytes)).toEqual(entries);
    const [first] = SMALL;
    if (first === undefined) throw new Error('there are some');
    const odd = entryJson(first).replace('{', '{"areLimitsCorrected":1,');
    expect(readEntryJson(odd)).toBeUndefined();
  });

  it('finds every whole record and names the torn end, wherever the bytes were cut', () => {
    const some = fc.array(entry, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(some, (entries) => {
        const { bytes, ends } = segmentOf(entries);
        for (let cut = 0; cut < bytes.length; cut++) {
          const scan = scanSegment(bytes.slice(0, cut));
          const whole = ends.filter((end) => end <= cut);
          const from = whole.at(-1) ?? (cut < HEADER_BYTES ? 0 : HEADER_BYTES);
          const damages = from === cut ? [] : [{ kind: 'torn', from, end: cut }];
          const found = scan.kind === 'segment' ? [scan.damages, scan.records.length] : [];
          expect([cut, ...found]).toEqual([cut, damages, whole.length]);
        }
        expect(entriesOf(bytes)).toEqual(entries);
      }),
      { numRuns: 30, seed: 11, endOnFailure: true },
    );
  });

  it('takes zeros at the end for a torn write', () => {
    const { bytes } = segmentOf(SMALL);
    for (const zeros of [1, FRAME_BYTES, 4096]) {
      const longer = new Uint8Array(bytes.length + zeros);
      longer.set(bytes);
      const damages = [{ kind: 'torn', from: bytes.length, end: longer.length }];
      expect(scanSegment(longer)).toMatchObject({ kind: 'segment', damages });
      expect(entriesOf(longer)).toEqual(SMALL);
    }
  });

  it('loses the one record in which a bit was flipped, says so, and no other', () => {
    const { bytes, ends } = segmentOf(SMALL);
    const wrong: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const isHeader = bit >> 3 < HEADER_BYTES;
      const hit = isHeader ? -1 : ends.findIndex((end) => bit >> 3 < end);
      const from = isHeader ? 0 : (ends[hit - 1] ?? HEADER_BYTES);
      const damage = { kind: 'damaged', from, end: isHeader ? HEADER_BYTES : ends[hit] };
      const scan = scanSegment(flipped);
      const isRight =
        scan.kind === 'segment' &&
        JSON.stringify(scan.damages) === JSON.stringify([damage]) &&
        scan.records.map((record) => entryJson(record.entry)).join() ===
          SMALL.filter((_, i) => i !== hit)
            .map(entryJson)
            .join();
      if (!isRight) wrong.push(bit);
    }
    expect(wrong).toEqual([]);
  });

  it('accounts for every byte, whatever the bytes are', () => {
    const { bytes } = segmentOf(SMALL);
    const edit = fc.record({
      at: fc.nat(bytes.length - 1),
      bytes: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const changed = bytes.slice();
        for (const { at, bytes: written } of edits)
          changed.set(written.subarray(0, changed.length - at), at);
        const scan = scanSegment(changed);
        if (scan.kind !== 'segment') return;
        const ranges = [...scan.records, ...scan.damages].sort((a, b) => a.from - b.from);
        let at = ranges[0]?.from === 0 ? 0 : HEADER_BYTES;
        for (const { from, end } of ranges) {
          expect(from).toBe(at);
          at = end;
        }
        expect(at).toBe(changed.length);
      }),
    );
  });

  it('knows a file that is not a journal, and one of a later version', () => {
    expect(scanSegment(new TextEncoder().encode('PostgreSQL database dump\n'))).toEqual({
      kind: 'foreign',
    });
    expect(scanSegment(new TextEncoder().encode('hello'))).toEqual({ kind: 'foreign' });
    const later = encodeHeader(1);
    const view = new DataView(later.buffer);
    view.setUint32(8, 2, true);
    view.setUint32(16, crc32c(later.subarray(0, 16)), true);
    expect(scanSegment(later)).toEqual({ kind: 'newer', version: 2 });
  });

  it('sets aside a sound record that is not a debit, and goes on after it', () => {
    const [first, second] = [encodeRecord(SMALL[0] ?? never()), encodeRecord(SMALL[1] ?? never())];
    const payload = new TextEncoder().encode('{"hello":"world"}');
    const foreign = new Uint8Array(FRAME_BYTES + payload.length);
    foreign.set(first.subarray(0, 5));
    foreign.set(payload, FRAME_BYTES);
    const view = new DataView(foreign.buffer);
    view.setUint32(5, payload.length, true);
    view.setUint32(9, crc32c(foreign.subarray(0, 9)), true);
    view.setUint32(13, crc32c(payload), true);
    const bytes = Uint8Array.from([...encodeHeader(1), ...first, ...foreign, ...second]);
    const from = HEADER_BYTES + first.length;
    expect(scanSegment(bytes)).toMatchObject({
      damages: [{ kind: 'foreign', from, end: from + foreign.length }],
    });
    expect(entriesOf(bytes)).toEqual(SMALL.slice(0, 2));
  });
});

describe('the position', () => {
  it('comes back as it was, and not at all if a bit was flipped', () => {
    const position = { segment: 12, offset: 345_678 };
    const bytes = encodePosition(position);
    expect(readPosition(bytes)).toEqual(position);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readPosition(flipped)).toBeUndefined();
    }
    expect(readPosition(bytes.subarray(1))).toBeUndefined();
  });
});

function never(): never {
  throw new Error('the sample has three entries');
}
