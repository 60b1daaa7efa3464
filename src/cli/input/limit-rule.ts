import { type Command, InvalidArgumentError } from 'commander';
import { Unit } from '../../gen/weir/v1/common.js';
import { Algorithm, type Limit } from '../../gen/weir/v1/governance_service.js';
import { CliError } from '../exit-code.js';
import { addPeriodOptions, type PeriodOptions, toDuration, windowOf } from './calendar.js';
import { parseDuration } from './duration.js';
import { parseQuantity, parseRate, type Quantity, type Rate } from './quantity.js';

/** What a limit counts, how much of it, and when it is free again, as options. */
export interface LimitRuleOptions extends PeriodOptions {
  readonly unit?: Unit;
  readonly max?: Quantity;
  readonly burst?: Quantity;
  readonly rate?: Rate;
  /** Milliseconds. */
  readonly hold?: number;
  readonly algorithm?: Algorithm;
}

const UNITS: ReadonlyMap<string, Unit> = new Map([
  ['requests', Unit.UNIT_REQUESTS],
  ['tokens', Unit.UNIT_TOKENS],
  ['usd', Unit.UNIT_NANO_USD],
]);

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map([
  ['sliding', Algorithm.ALGORITHM_SLIDING_WINDOW],
  ['fixed', Algorithm.ALGORITHM_FIXED_WINDOW],
  ['bucket', Algorithm.ALGORITHM_TOKEN_BUCKET],
  ['concurrency', Algorithm.ALGORITHM_CONCURRENCY],
]);

export function addLimitRuleOptions(command: Command): Command {
  command
    .option(
      '--max <n>',
      'how much a window holds; 0 denies everything; 5usd is money',
      parseQuantity,
    )
    .option('--unit <unit>', 'what is counted: requests (default), tokens or usd', parseUnit);
  return addPeriodOptions(
    command,
    'the window: 1s to 366d, or minute, hour, day, week, month, quarter, year',
  )
    .option(
      '--rate <n/time>',
      'a token bucket instead: so much comes back, such as 10/s',
      parseRate,
    )
    .option('--burst <n>', 'what the token bucket holds: the same as --max', parseQuantity)
    .option(
      '--hold <duration>',
      'calls under way at once instead, each for at most so long, such as 30s',
      parseDuration,
    )
    .option(
      '--algorithm <name>',
      'sliding (default for 1s to 366d) or fixed; bucket and concurrency go without saying',
      parseAlgorithm,
    );
}

/** Writes the rule into the draft, and answers the paths of what was given. */
export function applyLimitRule(options: LimitRuleOptions, draft: Limit): readonly string[] {
  const maximum = maximumOf(options);
  const window = ruleWindowOf(options);
  const unit = unitOf(options);
  const algorithm = options.algorithm ?? impliedAlgorithm(window);
  draft.window = window ?? draft.window;
  draft.maximum = maximum?.value ?? draft.maximum;
  draft.unit = unit ?? draft.unit;
  draft.algorithm = algorithm ?? draft.algorithm;
  draft.unit ||= Unit.UNIT_REQUESTS;
  return [
    ...(window ? [window.$case] : []),
    ...(maximum === undefined ? [] : ['maximum']),
    ...(unit === undefined ? [] : ['unit']),
    ...(algorithm === undefined ? [] : ['algorithm']),
  ];
}

function maximumOf({ max, burst }: LimitRuleOptions): Quantity | undefined {
  if (max !== undefined && burst !== undefined)
    throw new CliError('Give --max or --burst, not both: of a token bucket they are the same.');
  return max ?? burst;
}

function ruleWindowOf(options: LimitRuleOptions): Limit['window'] {
  const { per, rate, hold } = options;
  if ([per, rate, hold].filter((given) => given !== undefined).length > 1)
    throw new CliError('Give one of --per, --rate and --hold: a limit counts in one way.');
  if (rate !== undefined) {
    const value = { amount: rate.amount.value, interval: toDuration(rate.intervalMs) };
    return { $case: 'refill', value };
  }
  if (hold !== undefined) return { $case: 'hold', value: { ttl: toDuration(hold) } };
  return windowOf(options);
}

/** Money says that it is money; a number that should be money and does not is one by mistake. */
function unitOf(options: LimitRuleOptions): Unit | undefined {
  const { unit, rate } = options;
  const given = [maximumOf(options), rate?.amount].filter((quantity) => quantity !== undefined);
  const isUsd = given.some((quantity) => quantity.isUsd);
  const isPlain = given.some((quantity) => !quantity.isUsd);
  if (isPlain && (isUsd || unit === Unit.UNIT_NANO_USD))
    throw new CliError('Write US dollars with their unit, such as --max 5.00usd.');
  if (isUsd && unit !== undefined && unit !== Unit.UNIT_NANO_USD)
    throw new CliError('An amount in usd needs --unit usd, or no --unit.');
  return isUsd ? Unit.UNIT_NANO_USD : unit;
}

/** A bucket and concurrency have one algorithm each, whatever the limit had before. */
function impliedAlgorithm(window: Limit['window']): Algorithm | undefined {
  if (window?.$case === 'refill') return Algorithm.ALGORITHM_TOKEN_BUCKET;
  return window?.$case === 'hold' ? Algorithm.ALGORITHM_CONCURRENCY : undefined;
}

const parseUnit = (text: string): Unit => wordIn(UNITS, text);
const parseAlgorithm = (text: string): Algorithm => wordIn(ALGORITHMS, text);

function wordIn<T>(values: ReadonlyMap<string, T>, text: string): T {
  const value = values.get(text.toLowerCase());
  if (value !== undefined) return value;
  throw new InvalidArgumentError(`Write one of ${[...values.keys()].join(', ')}.`);
}
