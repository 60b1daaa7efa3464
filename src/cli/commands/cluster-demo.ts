import type { Command } from 'commander';
import { DemoCluster, type Glance } from '../cluster-demo/demo-cluster.js';
import { LIMIT_MAX, WINDOW_MS } from '../cluster-demo/demo-limit.js';
import {
  type DemoLine,
  type DemoWindow,
  playClusterDemo,
  worstExcess,
} from '../cluster-demo/play-demo.js';
import type { CliContext, OutputOptions } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import type { Column } from '../output/table.js';

/** `weir cluster demo`, which `npm run cluster` runs. */
export function addClusterDemo(cluster: Command, context: CliContext): void {
  const command = cluster
    .command('demo')
    .description(
      'Starts three replicas and a PostgreSQL on loopback, sends load to all three, kills one, brings it ' +
        'back, and shows what was admitted against one limit. Takes about 40 seconds, leaves nothing behind.',
    );
  context.addOutputOptions(command).action((options: OutputOptions) => demo(options, context));
}

async function demo(options: OutputOptions, context: CliContext): Promise<void> {
  const stopRequested = context.io.stopRequested();
  context.note('Starting PostgreSQL and three replicas on loopback ..');
  const cluster = await DemoCluster.start(context.io.env);
  try {
    context.note(
      `One limit for all: ${LIMIT_MAX} requests in each window of ${WINDOW_MS / 1_000} s. ` +
        'Each replica is asked 60 times a second, so about 900 calls want to pass.\n',
    );
    context.note(HEAD);
    const windows = await Promise.race([
      playClusterDemo(cluster, (line) => context.note(lineText(line))),
      stopRequested.then(() => {
        throw new CliError('Stopped before the demonstration was over.', EXIT.FAILED);
      }),
    ]);
    context.answer(options, {
      json: () => ({ limit: LIMIT_MAX, windows: windows.map(windowJson) }),
      text: () => `\n${context.table(WINDOW_COLUMNS, windows)}\n${verdict(windows)}`,
    });
  } finally {
    await cluster.stop();
  }
}

const HEAD = `${'TIME'.padStart(5)}  ${['a', 'b', 'c'].map((name) => `${name}: LINKS  NEWS   ADMITTED`.padEnd(27)).join('')}ALL / LIMIT`;

function lineText({ atMs, replicas, admitted, event }: DemoLine): string {
  const time = `${(atMs / 1_000).toFixed(0)} s`.padStart(5);
  const all = `${admitted} / ${LIMIT_MAX}`.padStart(9);
  return `${time}  ${replicas.map(glanceText).join('')}${all}  ${event}`.trimEnd();
}

function glanceText({ isRunning, links, freshnessMs, admitted }: Glance): string {
  if (!isRunning) return `   dead  -      ${String(admitted).padStart(8)}   `;
  const news = freshnessMs === undefined ? '-' : `${freshnessMs.toFixed(0)} ms`;
  return `   ${links.padEnd(5)}  ${news.padEnd(6)} ${String(admitted).padStart(8)}   `;
}

const WINDOW_COLUMNS: readonly Column<DemoWindow>[] = [
  {
    title: 'WINDOW (UTC)',
    text: ({ start }) => new Date(Number(start) * 1_000).toISOString().slice(11, 19),
  },
  { title: 'ASKED', align: 'right', text: ({ admitted, denied }) => String(admitted + denied) },
  { title: 'ADMITTED', align: 'right', text: ({ admitted }) => String(admitted) },
  { title: 'LIMIT', align: 'right', text: () => String(LIMIT_MAX) },
  { title: 'DURING IT', text: ({ event }) => event },
];

function verdict(windows: readonly DemoWindow[]): string {
  const excess = worstExcess(windows);
  const share = ((100 * excess) / LIMIT_MAX).toFixed(1);
  if (excess === 0) return 'No window let more pass than the limit.\n';
  return `At most ${excess} calls (${share} %) more than the limit passed in a window: what the others had admitted and not told yet.\n`;
}

const windowJson = ({ start, admitted, denied, event }: DemoWindow) => ({
  start: new Date(Number(start) * 1_000).toISOString(),
  admitted,
  denied,
  event,
});
