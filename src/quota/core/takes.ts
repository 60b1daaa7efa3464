/**
 * What limits took for a reserved call: counter, window and amount, and of a concurrency limit its hold.
 * Text in the reservation's row, so that any replica, and a restarted one, can read it and correct what
 * was taken. A counter's name begins with the id of its limit and its generation.
 */
export interface Take {
  readonly counterName: string;
  readonly windowStart: number;
  /** 0: the estimate was 0 or unknown, and nothing was counted. */
  readonly amount: number;
  readonly hold?: TakenHold | undefined;
}

/** A place that a call takes. Its number means something to the run that gave it out, and to no other. */
export interface TakenHold {
  readonly id: number;
  readonly bootId: string;
  readonly replicaId: string;
}

export function writeTakes(takes: readonly Take[]): string {
  if (takes.length === 0) return '';
  return JSON.stringify(
    takes.map(({ counterName, windowStart, amount, hold }) =>
      hold === undefined
        ? [counterName, windowStart, amount]
        : [counterName, windowStart, amount, hold.id, hold.bootId, hold.replicaId],
    ),
  );
}

/** Text that is not of this form was written by a newer version; nothing in it is understood. */
export function readTakes(text: string): readonly Take[] {
  if (text === '') return [];
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: unknown) => (Array.isArray(row) ? readTake(row) : []));
}

function readTake(row: readonly unknown[]): readonly Take[] {
  const [counterName, windowStart, amount, id, bootId, replicaId] = row;
  if (typeof counterName !== 'string') return [];
  if (typeof windowStart !== 'number' || typeof amount !== 'number') return [];
  const take = { counterName, windowStart, amount };
  if (typeof id !== 'number' || typeof bootId !== 'string' || typeof replicaId !== 'string')
    return [take];
  return [{ ...take, hold: { id, bootId, replicaId } }];
}
