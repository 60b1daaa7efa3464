import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { META_BYTES_MAX } from './gossip-options.js';
import { decodeMemberMeta, encodeMemberMeta } from './member-meta.js';

const meta = {
  region: 'eu-central-1',
  bootId: '01J0000000000000000000000A',
  version: '0.1.0',
  settingsHash: 'a1b2c3d4e5f60718',
  grpcPort: 50_051,
  httpPort: 8_080,
  peerPort: 10_102,
};

describe('member metadata', () => {
  it('comes back as it went, and leaves room for long names of regions', () => {
    const bytes = encodeMemberMeta(meta);
    expect(decodeMemberMeta(bytes)).toEqual(meta);
    expect(bytes.length).toBeLessThan(META_BYTES_MAX / 2);
  });

  it('of other programs is not ours, and never an exception', () => {
    expect(decodeMemberMeta(undefined)).toBeUndefined();
    expect(decodeMemberMeta(Uint8Array.of(0xff, 0x80))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (rest) => {
        decodeMemberMeta(Uint8Array.from([0x57, ...rest]));
      }),
    );
  });

  it('cut anywhere is not ours', () => {
    const bytes = encodeMemberMeta(meta);
    for (let end = 0; end < bytes.length; end++) {
      expect(decodeMemberMeta(bytes.subarray(0, end))).toBeUndefined();
    }
  });
});
