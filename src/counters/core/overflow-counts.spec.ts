import { describe, expect, it } from '@jest/globals';
import { OTHER_GROUPS, OverflowCounts } from './overflow-counts.js';

describe('OverflowCounts', () => {
  it('counts each group by its name', () => {
    const counts = new OverflowCounts(10);
    for (const group of ['a/1', 'b/1', 'a/1']) counts.add(group);
    expect([...counts.byGroup()]).toEqual([
      ['a/1', 2],
      ['b/1', 1],
    ]);
  });

  it('counts together those that come when it names as many as it may', () => {
    const counts = new OverflowCounts(2);
    for (const group of ['a/1', 'b/1', 'c/1', 'd/1', 'a/1', 'c/1']) counts.add(group);
    expect([...counts.byGroup()]).toEqual([
      ['a/1', 2],
      ['b/1', 1],
      [OTHER_GROUPS, 3],
    ]);
  });
});
