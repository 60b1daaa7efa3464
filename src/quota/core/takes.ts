/**
 * What limits took for a reserved call, as text in the reservation's row: counter, window, amount. Any
 * replica, and a restarted one, can read it and correct what was taken. A counter's name begins with the
 * id of its limit and its generation.
 */
export interface Take {
  readonly counterName: string;
  readonly windowStart: number;
  readonly amount: number;
}

interface TakenEntry {
  readonly counter: { readonly name: string };
  readonly windowStart: number;
  readonly amount: number;
}

export function writeTakes(entries: readonly TakenEntry[]): string {
  if (entries.length === 0) return '';
  return JSON.stringify(
    entries.map(({ counter, windowStart, amount }) => [counter.name, windowStart, amount]),
  );
}

/** Text that is not of this form was written by a newer version; nothing in it is understood. */
export function readTakes(text: string): readonly Take[] {
  if (text === '') return [];
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: unknown) => {
    if (!Array.isArray(row)) return [];
    const [counterName, windowStart, amount] = row as readonly unknown[];
    const isTake =
      typeof counterName === 'string' &&
      typeof windowStart === 'number' &&
      typeof amount === 'number';
    return isTake ? [{ counterName, windowStart, amount }] : [];
  });
}
