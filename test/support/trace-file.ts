import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SeededRandom } from '../../src/common/seeded-random.js';

export interface TraceFiles {
  readonly trace: string;
  readonly prices: string;
}

/** PROVIDER/MODEL of every price that {@link writeTraceFiles} writes. */
export const TRACE_MODELS: readonly string[] = ['odd/a', 'odd/b', 'odd/c'];

/**
 * A trace as the published ones are (100 ns, no end of the last line), made from a seed, and prices of
 * odd pico-USD, so that most rows have something to round.
 */
export async function writeTraceFiles(
  folder: string,
  { rows, seed = 1 }: { readonly rows: number; readonly seed?: number },
): Promise<TraceFiles> {
  const random = new SeededRandom(seed);
  const lines = ['TIMESTAMP,ContextTokens,GeneratedTokens'];
  let ticks = 0;
  for (let i = 0; i < rows; i++) {
    lines.push(`${timestamp(ticks)},${random.below(8_000)},${random.below(1_200)}`);
    ticks += random.below(20_000_000);
  }
  const trace = join(folder, 'trace.csv');
  const prices = join(folder, 'prices.csv');
  await writeFile(trace, lines.join('\n'));
  await writeFile(
    prices,
    [
      'provider,model,input_pico_usd_per_token,output_pico_usd_per_token,cached_input_pico_usd_per_token',
      'odd,a,142857,333333,',
      'odd,b,1,999999999,1',
      'odd,c,500,501,250',
      '',
    ].join('\n'),
  );
  return { trace, prices };
}

/** `2023-11-16 18:15:46.6805900`, so many units of 100 ns later. */
function timestamp(ticks: number): string {
  const start = Date.UTC(2023, 10, 16, 18, 15, 46);
  const whole = new Date(start + Math.floor(ticks / 10_000_000) * 1_000).toISOString();
  const fraction = (ticks % 10_000_000).toString().padStart(7, '0');
  return `${whole.slice(0, 19).replace('T', ' ')}.${fraction}`;
}
