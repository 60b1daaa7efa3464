import { status } from '@grpc/grpc-js';
import { CalendarUnit, OwnerKind, Unit, Weekday } from '../../gen/weir/v1/common.js';
import {
  Algorithm,
  type Budget,
  ExpiryPolicy,
  Fallback,
  type Limit,
  type Price,
  Scope,
  type VirtualKey,
} from '../../gen/weir/v1/governance_service.js';
import { GrpcCallError } from '../../rpc/grpc-client.js';
import type { Connection } from '../connection.js';
import { toDuration } from '../input/calendar.js';

/** The people and rules of the quickstart. Ids are fixed, so that a second run finds them. */
const CUSTOMER = 'quickstart';
const TEAM = 'quickstart-team';
export const KEY = 'quickstart-key';
export const BURST_LIMIT = 'quickstart-burst';
export const DAILY_LIMIT = 'quickstart-daily';
export const BUDGET = 'quickstart-budget';
export const PROVIDER = 'demo';
export const MODEL = 'chat';

export const BURST_MAX = 5n;
/** What every run of the quickstart can spend: 10 cents. */
export const ALLOWANCE_NANOS = 100_000_000n;

const INPUT_PICOS = 2_500_000n;
const OUTPUT_PICOS = 10_000_000n;

const STAMPS = { createdAt: undefined, updatedAt: undefined };
const OWNER = { kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id: KEY };

export interface Scene {
  /** The secret of the key, if this run created it. */
  readonly secret: string | undefined;
  /** What the budget holds now. */
  readonly budgetNanos: bigint;
  /** An id that no key has yet, for the commands to try next. */
  readonly freeKeyId: string;
  /** What earlier runs spent in this month. */
  readonly spentNanos: bigint;
}

/** The amount in nano-USD of a call with so many tokens. */
export const costNanos = (input: bigint, output: bigint): bigint =>
  (input * INPUT_PICOS + output * OUTPUT_PICOS) / 1_000n;

/** Creates everything, or finds it; then makes sure that the budget has its 10 cents left. */
export async function setScene({ governance, quota }: Connection): Promise<Scene> {
  await governance.importPrices({ prices: [price()] });
  await ensure(() => governance.createCustomer({ customer: customer() }));
  await ensure(() => governance.createTeam({ team: team() }));
  const key = await ensure(() => governance.createVirtualKey({ virtualKey: virtualKey() }));
  await ensure(() => governance.createLimit({ limit: burstLimit() }));
  await ensure(() => governance.createLimit({ limit: dailyLimit() }));
  await ensure(() => governance.createBudget({ budget: budget(ALLOWANCE_NANOS) }));
  const { statuses } = await quota.getUsage({
    subject: { $case: 'virtualKeyId', value: KEY },
    interval: undefined,
    group: {},
  });
  const found = statuses.find(({ policyId }) => policyId === BUDGET);
  const spentNanos = found ? found.limit - found.remaining : 0n;
  const budgetNanos = spentNanos + ALLOWANCE_NANOS;
  if (found?.limit !== budgetNanos) {
    await governance.updateBudget({ budget: budget(budgetNanos), updateMask: ['amount_nanos'] });
  }
  const freeKeyId = await findFreeKeyId(governance);
  return { secret: key?.secret, budgetNanos, spentNanos, freeKeyId };
}

const KEYS_TRIED_MAX = 100;

async function findFreeKeyId(governance: Connection['governance']): Promise<string> {
  for (let n = 1; n <= KEYS_TRIED_MAX; n++) {
    const id = n === 1 ? 'ada' : `ada-${n}`;
    try {
      await governance.getVirtualKey({ id });
    } catch (error) {
      if (error instanceof GrpcCallError && error.code === status.NOT_FOUND) return id;
      throw error;
    }
  }
  return `ada-${Date.now()}`;
}

async function ensure<T>(create: () => Promise<T>): Promise<T | undefined> {
  try {
    return await create();
  } catch (error) {
    if (error instanceof GrpcCallError && error.code === status.ALREADY_EXISTS) return undefined;
    throw error;
  }
}

const customer = () => ({ id: CUSTOMER, name: 'Quickstart Inc.', ...STAMPS });

const team = () => ({ id: TEAM, name: 'Search', customerId: CUSTOMER, ...STAMPS });

const virtualKey = (): VirtualKey => ({
  id: KEY,
  name: 'Ada',
  teamId: TEAM,
  customerId: CUSTOMER,
  active: true,
  expiresAt: undefined,
  allowedProviders: undefined,
  allowedModels: undefined,
  secretHint: '',
  ...STAMPS,
});

const price = (): Price => ({
  id: '',
  provider: PROVIDER,
  model: MODEL,
  inputPicoUsdPerToken: INPUT_PICOS,
  outputPicoUsdPerToken: OUTPUT_PICOS,
  revision: 0,
  ...STAMPS,
});

const limitOfKey = (id: string, name: string, maximum: bigint): Omit<Limit, 'window'> => ({
  id,
  name,
  owner: OWNER,
  unit: Unit.UNIT_REQUESTS,
  maximum,
  algorithm: Algorithm.ALGORITHM_UNSPECIFIED,
  groupBy: [],
  groupsMax: undefined,
  onUnavailable: Fallback.FALLBACK_UNSPECIFIED,
  scope: Scope.SCOPE_UNSPECIFIED,
  match: undefined,
  shadow: false,
  ...STAMPS,
});

const burstLimit = (): Limit => ({
  ...limitOfKey(BURST_LIMIT, '5 requests per 10 s', BURST_MAX),
  window: { $case: 'duration', value: toDuration(10_000) },
});

const dailyLimit = (): Limit => ({
  ...limitOfKey(DAILY_LIMIT, '1000 requests per day', 1_000n),
  window: { $case: 'calendar', value: calendar(CalendarUnit.CALENDAR_UNIT_DAY) },
});

const budget = (amountNanos: bigint): Budget => ({
  id: BUDGET,
  name: 'monthly budget',
  owner: OWNER,
  amountNanos,
  period: { $case: 'calendar', value: calendar(CalendarUnit.CALENDAR_UNIT_MONTH) },
  match: undefined,
  shadow: false,
  onExpiry: ExpiryPolicy.EXPIRY_POLICY_UNSPECIFIED,
  onUnavailable: Fallback.FALLBACK_UNSPECIFIED,
  onUnpriced: Fallback.FALLBACK_UNSPECIFIED,
  thresholdPercents: [],
  carryOver: undefined,
  ...STAMPS,
});

const calendar = (unit: CalendarUnit) => ({
  unit,
  timeZone: '',
  weekStart: Weekday.WEEKDAY_UNSPECIFIED,
  anchorDay: 0,
  anchorMonth: 0,
});
