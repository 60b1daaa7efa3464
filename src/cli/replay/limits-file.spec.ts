import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { readLimitsFile } from './limits-file.js';

const read = (yaml: string) =>
  readLimitsFile('-', {
    stdin: Readable.from([Buffer.from(yaml)]),
    stdout: { write: () => true },
    stderr: { write: () => true },
    env: {},
    stopRequested: () => new Promise(() => undefined),
  });

describe('a file of limits', () => {
  it('takes the short names of the command line', async () => {
    const { limits, budgets } = await read(
      "limits:\n  - { max: 5, per: 10s }\n  - { max: 9, per: day, timeZone: Europe/Berlin }\nbudgets:\n  - { budget: '0.10', per: month }\n",
    );
    expect(limits[0]).toMatchObject({ maximum: 5n, window: { $case: 'duration' } });
    expect(limits[1]).toMatchObject({ window: { value: { timeZone: 'Europe/Berlin' } } });
    expect(budgets[0]).toMatchObject({ amountNanos: 100_000_000n });
  });

  it('takes the names of the API', async () => {
    const { limits } = await read("limits: [{ maximum: '5', duration: 10s, shadow: true }]");
    expect(limits[0]).toMatchObject({ maximum: 5n, shadow: true });
  });

  it.each([
    ['', /must be an object/],
    ['{}', /neither limits nor budgets/],
    ['limit: []', /^-: limit: is not a field/],
    ['limits: 5', /limits: must be a list/],
    ['limits: [{ max: 5 }]', /limits\[0\]: has no window/],
    ['limits: [{ max: 5, per: 1M }]', /limits\[0\]: .*`month`/],
    ['limits: [{ max: 5, per: 1m, colour: red }]', /limits\[0\].colour: is not a field/],
    ['budgets: [{ budget: 0.10, per: month }]', /budgets\[0\]: write 0.1 in quotes/],
    ["budgets: [{ budget: '0.1' }]", /budgets\[0\]: has no period/],
    ['limits: [', /-: /],
  ])('refuses %j', async (yaml, why) => {
    await expect(read(yaml)).rejects.toThrow(why);
  });
});
