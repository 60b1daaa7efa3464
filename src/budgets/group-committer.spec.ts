import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../common/domain-error.js';
import { present } from '../common/assert.js';
import { GroupCommitter, type GroupCommitterOptions } from './group-committer.js';

interface Flush {
  readonly items: readonly number[];
  readonly answer: (answers: readonly string[]) => void;
  readonly fail: (error: Error) => void;
}

/** A committer whose flushes the test answers by hand. */
class Bench {
  readonly flushes: Flush[] = [];
  readonly committer: GroupCommitter<number, string>;

  constructor(options: Partial<GroupCommitterOptions> = {}) {
    this.committer = new GroupCommitter<number, string>(
      (items) =>
        new Promise((answer, fail) => {
          this.flushes.push({ items, answer, fail });
        }),
      { groupSizeMax: 3, queueMax: 5, flushesMax: 1, ...options },
    );
  }

  /** Answers the flush as a store would. */
  async answer(index: number): Promise<void> {
    const flush = present(this.flushes[index], `flush ${index} has begun`);
    flush.answer(flush.items.map((item) => `answer ${item}`));
    await nextTurn();
  }

  groups(): readonly (readonly number[])[] {
    return this.flushes.map(({ items }) => items);
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const codeOf = (error: unknown): unknown => (error instanceof DomainError ? error.code : error);

describe('GroupCommitter', () => {
  it('flushes what arrives in one turn of the event loop together', async () => {
    const bench = new Bench();
    const answers = Promise.all([1, 2].map((item) => bench.committer.submit(item)));
    await nextTurn();
    expect(bench.groups()).toEqual([[1, 2]]);
    await bench.answer(0);
    expect(await answers).toEqual(['answer 1', 'answer 2']);
  });

  it('gathers what arrives during a flush into the next one, at most a group', async () => {
    const bench = new Bench();
    const answers = [bench.committer.submit(0)];
    await nextTurn();
    for (const item of [1, 2, 3, 4]) answers.push(bench.committer.submit(item));
    await nextTurn();
    expect(bench.groups()).toEqual([[0]]);
    expect(bench.committer.queued).toBe(4);
    await bench.answer(0);
    expect(bench.groups()).toEqual([[0], [1, 2, 3]]);
    await bench.answer(1);
    await bench.answer(2);
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 3, 4].map((item) => `answer ${item}`));
  });

  it('has as many flushes under way as it may', async () => {
    const bench = new Bench({ flushesMax: 2, groupSizeMax: 1 });
    const answers = [1, 2, 3].map((item) => bench.committer.submit(item));
    await nextTurn();
    expect(bench.groups()).toEqual([[1], [2]]);
    await bench.answer(1);
    expect(bench.groups()).toEqual([[1], [2], [3]]);
    await bench.answer(0);
    await bench.answer(2);
    expect(await Promise.all(answers)).toHaveLength(3);
  });

  it('refuses what the queue does not hold, and says when to try again', async () => {
    const bench = new Bench({ queueMax: 2 });
    const taken = [1, 2].map((item) => bench.committer.submit(item));
    const refused = bench.committer.submit(3);
    await expect(refused).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      details: { retryAfterMs: expect.any(Number) },
    });
    await nextTurn();
    await bench.answer(0);
    expect(await Promise.all(taken)).toHaveLength(2);
  });

  it('fails the items of a flush that fails, and goes on with the next', async () => {
    const bench = new Bench({ groupSizeMax: 1 });
    const results = Promise.allSettled([1, 2].map((item) => bench.committer.submit(item)));
    await nextTurn();
    bench.flushes[0]?.fail(new DomainError('UNAVAILABLE', 'away'));
    await nextTurn();
    await bench.answer(1);
    const [first, second] = await results;
    expect(first?.status === 'rejected' && codeOf(first.reason)).toBe('UNAVAILABLE');
    expect(second).toEqual({ status: 'fulfilled', value: 'answer 2' });
  });

  it('fails an item that a flush left unanswered', async () => {
    const bench = new Bench();
    const results = Promise.allSettled([1, 2].map((item) => bench.committer.submit(item)));
    await nextTurn();
    bench.flushes[0]?.answer(['answer 1']);
    const [first, second] = await results;
    expect(first).toEqual({ status: 'fulfilled', value: 'answer 1' });
    expect(second?.status === 'rejected' && String(second.reason)).toContain('left item 1');
  });

  it('settles what came together when the last of it is answered, each by itself', async () => {
    const bench = new Bench({ queueMax: 6 });
    const seen = { isSettled: false };
    const settled = bench.committer.submitAll([1, 2, 3, 4, 5]).finally(() => {
      seen.isSettled = true;
    });
    const single = bench.committer.submit(6);
    await nextTurn();
    bench.flushes[0]?.fail(new DomainError('UNAVAILABLE', 'away'));
    await nextTurn();
    expect(bench.groups()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(seen.isSettled).toBe(false);
    await bench.answer(1);
    expect(await single).toBe('answer 6');
    const outcomes = await settled;
    expect(
      outcomes.map((outcome) =>
        outcome.status === 'fulfilled' ? outcome.value : codeOf(outcome.reason),
      ),
    ).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE', 'answer 4', 'answer 5']);
    expect(await bench.committer.submitAll([])).toEqual([]);
  });

  it('takes all that came together, or refuses each of it', async () => {
    const bench = new Bench({ queueMax: 2 });
    const taken = bench.committer.submitAll([1, 2, 3]);
    const refused = await bench.committer.submitAll([4, 5]);
    expect(
      refused.map((outcome) => outcome.status === 'rejected' && codeOf(outcome.reason)),
    ).toEqual(['RESOURCE_EXHAUSTED', 'RESOURCE_EXHAUSTED']);
    await nextTurn();
    await bench.answer(0);
    expect(await taken).toHaveLength(3);
  });

  it('answers all that it took before it closes, and takes nothing after', async () => {
    const bench = new Bench({ groupSizeMax: 1 });
    const taken = [1, 2].map((item) => bench.committer.submit(item));
    let isClosed = false;
    const close = async (): Promise<void> => {
      await bench.committer.close();
      isClosed = true;
    };
    const closed = close();
    await expect(bench.committer.submit(3)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await nextTurn();
    await bench.answer(0);
    expect(isClosed).toBe(false);
    await bench.answer(1);
    await closed;
    expect(await Promise.all(taken)).toEqual(['answer 1', 'answer 2']);
    await bench.committer.close();
  });
});
