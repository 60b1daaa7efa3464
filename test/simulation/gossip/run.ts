/**
 * `npm run sim:gossip -- detection [--members N] [--rounds N] [--seed SEED]` or
 * `npm run sim:gossip -- false-positives [--members N] [--held N] [--seeds N] [--from SEED] [--set-up NAME]`:
 * the tables of `docs/gossip.md`, a line for each configuration. `--only SWIM,Lifeguard` leaves out the rest.
 */
import { parseArgs } from 'node:util';
import {
  CONFIGURATIONS,
  type Configuration,
  quantile,
  ratioBounds,
  SET_UPS,
  studyDetection,
  studyFalsePositives,
} from './lifeguard-study.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    members: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '12' },
    seed: { type: 'string', default: '42' },
    held: { type: 'string', default: '8' },
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    'set-up': { type: 'string', default: 'enough' },
    only: { type: 'string' },
  },
});

function whole(name: 'members' | 'rounds' | 'seed' | 'held' | 'seeds' | 'from'): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`sim:gossip: --${name} takes a whole number above 0`);
}

function chosen(): readonly Configuration[] {
  const names = values.only?.split(',') ?? CONFIGURATIONS.map(({ name }) => name);
  return names.map((name) => {
    const found = CONFIGURATIONS.find((each) => each.name === name);
    if (found !== undefined) return found;
    const known = CONFIGURATIONS.map((each) => each.name).join('; ');
    throw new Error(`sim:gossip: --only knows no '${name}', but ${known}`);
  });
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function detection(): void {
  const [members, rounds, seed] = [whole('members'), whole('rounds'), whole('seed')];
  print(`${members} members, ${rounds} rounds of 8 held together, seed ${seed}`);
  for (const each of chosen()) {
    const found = studyDetection(each, members, rounds, seed);
    const [first, full] = [found.first, found.full].map((times) =>
      [0.5, 0.9, 1].map((share) => (quantile(times, share) / 1_000).toFixed(2)).join(' | '),
    );
    const load = `${found.packetsPerMemberSecond.toFixed(2)} packets, ${found.bytesPerMemberSecond.toFixed(0)} bytes`;
    print(
      `| ${each.name} | ${first} | ${full} | ${found.detectedByAll} of ${found.victims} | ${load} |`,
    );
  }
}

function falsePositives(): void {
  const [members, held, seeds, from] = [
    whole('members'),
    whole('held'),
    whole('seeds'),
    whole('from'),
  ];
  const setUp = SET_UPS[values['set-up']];
  if (setUp === undefined)
    throw new Error(`sim:gossip: --set-up is one of ${Object.keys(SET_UPS).join()}`);
  print(
    `${members} members, ${held} held, set-up ${values['set-up']}, seeds ${from} to ${from + seeds - 1}`,
  );
  let swim: readonly number[] | undefined;
  for (const each of chosen()) {
    const runs = Array.from({ length: seeds }, (_, i) => {
      const run = studyFalsePositives(each, members, held, { ...setUp, seed: from + i });
      process.stderr.write(`${each.name}, seed ${from + i}: ${run.events}, ${run.atHealthy}\n`);
      return run;
    });
    const events = runs.map((run) => run.events);
    if (each.name === 'SWIM') swim = events;
    const sum = (of: (run: (typeof runs)[number]) => number): number =>
      runs.reduce((total, run) => total + of(run), 0);
    const share = swim === undefined ? '' : shareText(events, swim);
    const load = `${(sum((run) => run.packetsPerMemberSecond) / seeds).toFixed(2)} packets`;
    const cores = `${(sum((run) => run.coreShare) / seeds).toFixed(2)} cores`;
    print(
      `| ${each.name} | ${sum((run) => run.events)} | ${sum((run) => run.atHealthy)} | ${share} | ${load} | ${cores} |`,
    );
  }
}

function shareText(events: readonly number[], swim: readonly number[]): string {
  const { share, low, high } = ratioBounds(events, swim);
  const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
  return `${percent(share)} (${percent(low)} to ${percent(high)})`;
}

const [what = ''] = positionals;
if (what === 'detection') detection();
else if (what === 'false-positives') falsePositives();
else throw new Error("sim:gossip: say 'detection' or 'false-positives'");
