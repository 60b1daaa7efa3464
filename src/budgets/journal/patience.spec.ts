import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../../common/domain-error.js';
import { Patience } from './patience.js';

const outcomeOf = (waited: Promise<string>): Promise<string> =>
  waited.catch((error: unknown) =>
    error instanceof DomainError ? `${error.code} ${error.message}` : String(error),
  );

describe('Patience', () => {
  it('gives what the work gives, in whatever order it ends', async () => {
    const patience = new Patience(60_000, 'too long');
    const ends: (() => void)[] = [];
    const works = ['a', 'b', 'c'].map((name) =>
      patience.wait(new Promise<string>((resolve) => ends.push(() => resolve(name)))),
    );
    const failed = patience.wait(Promise.reject(new Error('broken')));
    for (const end of ends.toReversed()) end();
    expect(await Promise.all(works)).toEqual(['a', 'b', 'c']);
    await expect(failed).rejects.toThrow('broken');
  });

  it('ends for each when its time is over, and for nobody else', async () => {
    const patience = new Patience(20, 'the ledger is silent');
    const never = new Promise<string>(() => undefined);
    const first = outcomeOf(patience.wait(never));
    expect(await outcomeOf(patience.wait(Promise.resolve('answered')))).toBe('answered');
    expect(await first).toBe('UNAVAILABLE the ledger is silent');
    const second = outcomeOf(patience.wait(never));
    const third = outcomeOf(patience.wait(never));
    expect(await Promise.all([second, third])).toEqual([
      'UNAVAILABLE the ledger is silent',
      'UNAVAILABLE the ledger is silent',
    ]);
  });
});
