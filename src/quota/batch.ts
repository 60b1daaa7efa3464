interface BatchSteps<Item, Call, Answer> {
  /** Throws for an item that is wrong in itself. */
  parse(item: Item): Call;
  /** Runs what could be parsed, in order; one result for each call. */
  run(calls: readonly Call[]): Promise<readonly PromiseSettledResult<Answer>[]>;
}

/** Runs the items of a batch in order. One that fails, at whatever step, fails alone and in its place. */
export async function runBatch<Item, Call, Answer>(
  items: readonly Item[],
  steps: BatchSteps<Item, Call, Answer>,
): Promise<readonly PromiseSettledResult<Answer>[]> {
  const results: PromiseSettledResult<Answer>[] = [];
  const calls: Call[] = [];
  const places: number[] = [];
  items.forEach((item, place) => {
    try {
      calls.push(steps.parse(item));
      places.push(place);
    } catch (reason) {
      results[place] = { status: 'rejected', reason };
    }
  });
  const answers = await steps.run(calls);
  answers.forEach((answer, i) => {
    const place = places[i];
    if (place !== undefined) results[place] = answer;
  });
  return results;
}
