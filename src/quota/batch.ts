import type { Settled } from '../common/settled.js';
/** What became of the items of a batch, in their order: at once, if none of them had to wait. */
export type Outcomes<T> = readonly Settled<T>[] | Promise<readonly Settled<T>[]>;

/**
 * One step for each item, in order; an item that fails, fails alone. No step waits for the one before
 * it, and without a step that answers with a promise there is no promise at all: a turn of the event
 * loop for each of a thousand items would cost more than what they ask.
 */
export function settleAll<Item, T>(
  items: readonly Item[],
  step: (item: Item, place: number) => T | Promise<T>,
): Outcomes<T> {
  const results: Settled<T>[] = [];
  const waiting: Promise<void>[] = [];
  let place = 0;
  for (const item of items) {
    const at = place++;
    try {
      const value = step(item, at);
      if (value instanceof Promise) waiting.push(settleAt(results, at, value));
      else results[at] = { status: 'fulfilled', value };
    } catch (reason) {
      results[at] = { status: 'rejected', reason };
    }
  }
  return waiting.length === 0 ? results : Promise.all(waiting).then(() => results);
}

async function settleAt<T>(results: Settled<T>[], at: number, answer: Promise<T>): Promise<void> {
  try {
    results[at] = { status: 'fulfilled', value: await answer };
  } catch (reason) {
    results[at] = { status: 'rejected', reason };
  }
}

interface BatchSteps<Item, Call, Answer> {
  /** Throws for an item that is wrong in itself. */
  parse(item: Item): Call;
  /** Runs what could be parsed, in order; one result for each call. */
  run(calls: readonly Call[]): Outcomes<Answer>;
}

/** Runs the items of a batch in order. One that fails, at whatever step, fails alone and in its place. */
export function runBatch<Item, Call, Answer>(
  items: readonly Item[],
  steps: BatchSteps<Item, Call, Answer>,
): Outcomes<Answer> {
  const results: Settled<Answer>[] = [];
  const calls: Call[] = [];
  const places: number[] = [];
  let place = 0;
  for (const item of items) {
    try {
      calls.push(steps.parse(item));
      places.push(place);
    } catch (reason) {
      results[place] = { status: 'rejected', reason };
    }
    place += 1;
  }
  const answers = steps.run(calls);
  if (answers instanceof Promise)
    return answers.then((settled) => putInPlace(results, places, settled));
  return putInPlace(results, places, answers);
}

function putInPlace<T>(
  results: Settled<T>[],
  places: readonly number[],
  answers: readonly Settled<T>[],
): readonly Settled<T>[] {
  answers.forEach((answer, i) => {
    const place = places[i];
    if (place !== undefined) results[place] = answer;
  });
  return results;
}
