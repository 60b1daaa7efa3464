import type { Budget, Limit } from '../../gen/weir/v1/governance_service.js';
import { parsePer, periodOf, windowOf } from '../input/calendar.js';
import { CliError } from '../exit-code.js';
import { readDocument } from '../input/document.js';
import { parseUsd } from '../input/usd.js';
import type { CliIo } from '../io.js';
import { JsonError, readObject } from '../json/codec.js';
import { budget, limit } from '../json/policy-messages.js';
import { limitName } from '../output/limit-text.js';
import { budgetName } from '../output/policy-text.js';

/** The policies that every key of a replay gets. Owners and ids are filled in for each key. */
export interface KeyPolicies {
  readonly limits: readonly Limit[];
  readonly budgets: readonly Budget[];
}

const POLICIES_MAX = 20;

/**
 * A file such as
 *
 *     limits:
 *       - { max: 5, per: 10s }
 *       - { max: 1000, per: day, timeZone: Europe/Berlin }
 *     budgets:
 *       - { budget: '25.00', per: month }
 *
 * with the short names of the command line, or with the fields of the API (`maximum`, `duration`,
 * `amountNanos` ..).
 */
export async function readLimitsFile(file: string, io: CliIo): Promise<KeyPolicies> {
  const document = await readDocument(file, io);
  try {
    const { limits, budgets, ...rest } = readObject(document, '');
    const unknown = Object.keys(rest)[0];
    if (unknown) throw new JsonError(unknown, 'is not a field. Known: limits, budgets');
    const policies = {
      limits: listAt(limits, 'limits').map((item, i) => toLimit(item, `limits[${i}]`)),
      budgets: listAt(budgets, 'budgets').map((item, i) => toBudget(item, `budgets[${i}]`)),
    };
    if (policies.limits.length + policies.budgets.length > 0) return policies;
    throw new JsonError('', 'has neither limits nor budgets');
  } catch (error) {
    throw error instanceof JsonError ? new CliError(`${file}: ${error.message}`) : error;
  }
}

function listAt(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new JsonError(path, 'must be a list');
  if (value.length > POLICIES_MAX) throw new JsonError(path, `more than ${POLICIES_MAX}`);
  return value;
}

function toLimit(item: unknown, path: string): Limit {
  const { max, per, timeZone, ...rest } = readObject(item, path);
  const short = max === undefined ? {} : { maximum: max };
  const draft = limit.read({ unit: 'UNIT_REQUESTS', ...short, ...rest }, path);
  const window = inPlace(path, () => windowOf(periodOptions(per, timeZone)));
  draft.window = window ?? draft.window;
  if (!draft.window) throw new JsonError(path, 'has no window. Add per: 1m, or per: day');
  draft.name ||= limitName(draft);
  return draft;
}

function toBudget(item: unknown, path: string): Budget {
  const { budget: usd, per, timeZone, ...rest } = readObject(item, path);
  const short = inPlace(path, () =>
    usd === undefined ? {} : { amountNanos: parseUsd(plain(usd)) },
  );
  const draft = budget.read({ ...short, ...rest }, path);
  const period = inPlace(path, () => periodOf(periodOptions(per, timeZone)));
  draft.period = period ?? draft.period;
  if (!draft.period) throw new JsonError(path, 'has no period. Add per: month, or per: lifetime');
  draft.name ||= budgetName(draft);
  return draft;
}

function periodOptions(per: unknown, timeZone: unknown): Parameters<typeof windowOf>[0] {
  return {
    ...(per === undefined ? {} : { per: parsePer(plain(per)) }),
    ...(timeZone === undefined ? {} : { timeZone: plain(timeZone) }),
  };
}

/** A YAML number such as 0.10 has lost its digits by now, so amounts with decimals are strings. */
function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value.toString();
    throw new CliError(`write ${value} in quotes, so that it stays exact`);
  }
  throw new CliError('must be text or a number');
}

/** Runs a parser of the command line, and says where in the file its input stood. */
function inPlace<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new JsonError(path, error instanceof Error ? error.message : String(error));
  }
}
