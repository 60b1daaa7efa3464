import { type Command, InvalidArgumentError } from 'commander';
import { type Calendar, CalendarUnit, Weekday } from '../../gen/weir/v1/common.js';
import type { Duration } from '../../gen/google/protobuf/duration.js';
import type { Timestamp } from '../../gen/google/protobuf/timestamp.js';
import type { Budget, Limit } from '../../gen/weir/v1/governance_service.js';
import { CliError } from '../exit-code.js';
import { parseDuration } from './duration.js';
import { integerBetween } from './numbers.js';

const UNITS: ReadonlyMap<string, CalendarUnit> = new Map([
  ['minute', CalendarUnit.CALENDAR_UNIT_MINUTE],
  ['hour', CalendarUnit.CALENDAR_UNIT_HOUR],
  ['day', CalendarUnit.CALENDAR_UNIT_DAY],
  ['week', CalendarUnit.CALENDAR_UNIT_WEEK],
  ['month', CalendarUnit.CALENDAR_UNIT_MONTH],
  ['quarter', CalendarUnit.CALENDAR_UNIT_QUARTER],
  ['year', CalendarUnit.CALENDAR_UNIT_YEAR],
]);

const WEEKDAYS: ReadonlyMap<string, Weekday> = new Map([
  ['monday', Weekday.WEEKDAY_MONDAY],
  ['tuesday', Weekday.WEEKDAY_TUESDAY],
  ['wednesday', Weekday.WEEKDAY_WEDNESDAY],
  ['thursday', Weekday.WEEKDAY_THURSDAY],
  ['friday', Weekday.WEEKDAY_FRIDAY],
  ['saturday', Weekday.WEEKDAY_SATURDAY],
  ['sunday', Weekday.WEEKDAY_SUNDAY],
]);

/** What `--per` can say. */
type Per =
  | { readonly kind: 'duration'; readonly durationMs: number }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit }
  | { readonly kind: 'lifetime' };

export interface PeriodOptions {
  readonly per?: Per;
  readonly timeZone?: string;
  readonly weekStart?: Weekday;
  readonly anchorDay?: number;
  readonly anchorMonth?: number;
}

export interface BudgetPeriodOptions extends PeriodOptions {
  /** One of the periods of equal length begins here. */
  readonly anchor?: Timestamp;
}

/** `--per` and the options that say how a calendar counts. */
export function addPeriodOptions(command: Command, perHelp: string): Command {
  return command
    .option('--per <period>', perHelp, parsePer)
    .option('--time-zone <name>', 'IANA time zone of a calendar period (default: UTC)', parseZone)
    .option('--week-start <weekday>', 'the day on which a week begins (default: monday)', weekday)
    .option('--anchor-day <day>', 'the day on which a month begins, 1 to 31', integerBetween(1, 31))
    .option(
      '--anchor-month <n>',
      'the month in which a year begins, 1 to 12',
      integerBetween(1, 12),
    );
}

/** The window of a limit; `undefined` if none of the options is given. */
export function windowOf(options: PeriodOptions): Limit['window'] {
  const { per } = options;
  if (!per) return refuseStray(options);
  if (per.kind === 'lifetime') {
    throw new CliError('--per lifetime is for budgets. Give a limit a window, such as 1m or day.');
  }
  if (per.kind === 'calendar') return { $case: 'calendar', value: calendarOf(per.unit, options) };
  refuseCalendarOptions(options);
  return { $case: 'duration', value: toDuration(per.durationMs) };
}

/** The period of a budget; `undefined` if none of the options is given. */
export function periodOf(options: BudgetPeriodOptions): Budget['period'] {
  const { per } = options;
  if (per?.kind !== 'duration') refuseAnchor(options);
  if (!per) return refuseStray(options);
  if (per.kind === 'calendar') return { $case: 'calendar', value: calendarOf(per.unit, options) };
  if (per.kind === 'lifetime') {
    refuseCalendarOptions(options);
    return { $case: 'lifetime', value: {} };
  }
  refuseCalendarOptions(options);
  const value = { duration: toDuration(per.durationMs), anchor: options.anchor };
  return { $case: 'fixed', value };
}

function refuseAnchor({ anchor }: BudgetPeriodOptions): void {
  if (anchor === undefined) return;
  throw new CliError('--anchor needs periods of equal length, such as --per 30d.');
}

export function toDuration(ms: number): Duration {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}

export function parsePer(text: string): Per {
  const word = text.trim();
  if (word === 'lifetime') return { kind: 'lifetime' };
  const unit = UNITS.get(word);
  if (unit !== undefined) return { kind: 'calendar', unit };
  const inside = [...UNITS.keys()].find((name) => word.toLowerCase() === `${name}s`);
  if (inside) throw new InvalidArgumentError(`Write \`${inside}\`.`);
  const durationMs = parseDuration(word);
  if (durationMs === 0) throw new InvalidArgumentError('It must be longer than nothing.');
  return { kind: 'duration', durationMs };
}

function parseZone(text: string): string {
  try {
    Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions();
    return text;
  } catch {
    throw new InvalidArgumentError('There is no such time zone. Use an IANA name: Europe/Berlin.');
  }
}

function weekday(text: string): Weekday {
  const day = WEEKDAYS.get(text.toLowerCase());
  if (day !== undefined) return day;
  throw new InvalidArgumentError(`Write one of ${[...WEEKDAYS.keys()].join(', ')}.`);
}

function calendarOf(unit: CalendarUnit, options: PeriodOptions): Calendar {
  return {
    unit,
    timeZone: options.timeZone ?? '',
    weekStart: options.weekStart ?? Weekday.WEEKDAY_UNSPECIFIED,
    anchorDay: options.anchorDay ?? 0,
    anchorMonth: options.anchorMonth ?? 0,
  };
}

function refuseStray(options: PeriodOptions): undefined {
  const stray = calendarOption(options);
  if (stray)
    throw new CliError(`${stray} says how a calendar counts: add --per day (or month ..).`);
  return undefined;
}

function refuseCalendarOptions(options: PeriodOptions): void {
  const stray = calendarOption(options);
  if (!stray) return;
  throw new CliError(
    `${stray} needs a calendar period, such as --per day, --per week or --per month.`,
  );
}

function calendarOption(options: PeriodOptions): string | undefined {
  if (options.timeZone !== undefined) return '--time-zone';
  if (options.weekStart !== undefined) return '--week-start';
  if (options.anchorDay !== undefined) return '--anchor-day';
  return options.anchorMonth === undefined ? undefined : '--anchor-month';
}
