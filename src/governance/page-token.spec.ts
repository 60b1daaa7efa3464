import { describe, expect, it } from '@jest/globals';
import { cutPage, readPage } from './page-token.js';

const records = (...ids: string[]) => ids.map((id) => ({ id }));

describe('a page', () => {
  it('has 100 records unless it is said', () => {
    expect(readPage({ pageSize: 0, pageToken: '' })).toEqual({ afterId: '', size: 100 });
    expect(readPage({ pageSize: 1_000, pageToken: '' }).size).toBe(1_000);
  });

  it.each([-1, 1_001, 2_147_483_647])('does not have %d records', (pageSize) => {
    expect(() => readPage({ pageSize, pageToken: '' })).toThrow('page_size: must be from 0');
  });

  it('goes on after its last record', () => {
    const { records: kept, nextPageToken } = cutPage(records('a', 'b', 'c'), {
      afterId: '',
      size: 2,
    });
    expect(kept).toEqual(records('a', 'b'));
    expect(readPage({ pageSize: 2, pageToken: nextPageToken })).toEqual({ afterId: 'b', size: 2 });
  });

  it('is the last one if there is nothing after it', () => {
    expect(cutPage(records('a', 'b'), { afterId: '', size: 2 }).nextPageToken).toBe('');
  });

  it.each(['b', '%%%', Buffer.from("'; --").toString('base64url'), 'x'.repeat(1_000_000)])(
    'does not begin at a made-up token',
    (pageToken) => {
      expect(() => readPage({ pageSize: 1, pageToken })).toThrow('page_token: must be');
    },
  );
});
