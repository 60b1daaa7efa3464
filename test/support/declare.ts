/** Short ways to say what an operator declares, with the rest at its default. */
import { type Match, OwnerKind, Unit } from '../../src/gen/weir/v1/common.js';
import {
  Algorithm,
  type Budget,
  ExpiryPolicy,
  Fallback,
  type Limit,
  type Price,
  Scope,
  type VirtualKey,
} from '../../src/gen/weir/v1/governance_service.js';
import type { CheckLimitRequest, DebitBudgetRequest } from '../../src/gen/weir/v1/quota_service.js';
import { DAY_MS } from '../../src/common/time.js';
import type { Replica } from './start-replica.js';

const TIMES = { createdAt: undefined, updatedAt: undefined };

/**
 * Of a limit whose window must not end while a test runs. A day ends every midnight, in the middle of a run
 * that is under way then; the longest window that is allowed ends once a year.
 */
export const LONG_WINDOW_MS = 366 * DAY_MS;
export const LONG_WINDOW = {
  $case: 'duration',
  value: { seconds: BigInt(LONG_WINDOW_MS / 1_000), nanos: 0 },
} as const;

export const ROOT = { kind: OwnerKind.OWNER_KIND_ROOT, id: '' };
export const ofCustomer = (id: string) => ({ kind: OwnerKind.OWNER_KIND_CUSTOMER, id });
export const ofTeam = (id: string) => ({ kind: OwnerKind.OWNER_KIND_TEAM, id });
export const ofKey = (id: string) => ({ kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id });

export const match = (over: Partial<Match> = {}): Match => ({
  providers: [],
  models: [],
  labels: {},
  ...over,
});

/** A customer, its team, and the team's key, all named after `name`. */
export async function declareKey(
  { governance }: Pick<Replica, 'governance'>,
  name: string,
  over: Partial<VirtualKey> = {},
): Promise<{ customerId: string; teamId: string; keyId: string; secret: string }> {
  const customerId = `${name}-customer`;
  const teamId = `${name}-team`;
  await governance.createCustomer({ customer: { id: customerId, name, ...TIMES } });
  await governance.createTeam({ team: { id: teamId, name, customerId, ...TIMES } });
  const virtualKey: VirtualKey = {
    id: `${name}-key`,
    name,
    teamId,
    customerId: '',
    active: true,
    expiresAt: undefined,
    allowedProviders: undefined,
    allowedModels: undefined,
    secretHint: '',
    ...TIMES,
    ...over,
  };
  const { secret } = await governance.createVirtualKey({ virtualKey });
  return { customerId, teamId, keyId: virtualKey.id, secret };
}

export async function declareLimit(
  { governance }: Pick<Replica, 'governance'>,
  over: Partial<Limit>,
): Promise<Limit> {
  const { limit } = await governance.createLimit({ limit: limitOf(over) });
  if (limit === undefined) throw new Error('no limit in the answer');
  return limit;
}

export const limitOf = (over: Partial<Limit>): Limit => ({
  id: '',
  name: 'limit',
  owner: ROOT,
  unit: Unit.UNIT_REQUESTS,
  maximum: 10n,
  algorithm: Algorithm.ALGORITHM_FIXED_WINDOW,
  window: LONG_WINDOW,
  match: undefined,
  shadow: false,
  groupBy: [],
  groupsMax: undefined,
  onUnavailable: Fallback.FALLBACK_UNSPECIFIED,
  scope: Scope.SCOPE_UNSPECIFIED,
  ...TIMES,
  ...over,
});

export async function declareBudget(
  { governance }: Replica,
  over: Partial<Budget>,
): Promise<Budget> {
  const { budget } = await governance.createBudget({ budget: budgetOf(over) });
  if (budget === undefined) throw new Error('no budget in the answer');
  return budget;
}

export const budgetOf = (over: Partial<Budget>): Budget => ({
  id: '',
  name: 'budget',
  owner: ROOT,
  amountNanos: 1_000n,
  period: { $case: 'lifetime', value: {} },
  match: undefined,
  shadow: false,
  onExpiry: ExpiryPolicy.EXPIRY_POLICY_UNSPECIFIED,
  onUnavailable: Fallback.FALLBACK_UNSPECIFIED,
  onUnpriced: Fallback.FALLBACK_UNSPECIFIED,
  thresholdPercents: [],
  carryOver: undefined,
  ...TIMES,
  ...over,
});

export const priceOf = (over: Partial<Price>): Price => ({
  id: '',
  provider: 'openai',
  model: 'gpt-4o',
  inputPicoUsdPerToken: 2_500_000n,
  cachedInputPicoUsdPerToken: undefined,
  outputPicoUsdPerToken: 10_000_000n,
  reasoningPicoUsdPerToken: undefined,
  revision: 0,
  ...TIMES,
  ...over,
});

export const checkOf = (
  keyId: string,
  over: Partial<CheckLimitRequest> = {},
): CheckLimitRequest => ({
  subject: { $case: 'virtualKeyId', value: keyId },
  provider: 'openai',
  model: 'gpt-4o',
  labels: {},
  amountNanos: 0n,
  inputTokens: 0n,
  maxOutputTokens: 0n,
  dryRun: false,
  reservationKey: '',
  reserveTtl: undefined,
  noHold: over.reservationKey === undefined,
  ...over,
});

export const debitOf = (
  keyId: string,
  idempotencyKey: string,
  over: Partial<DebitBudgetRequest> = {},
): DebitBudgetRequest => ({
  subject: { $case: 'virtualKeyId', value: keyId },
  provider: 'openai',
  model: 'gpt-4o',
  labels: {},
  idempotencyKey,
  amountNanos: 100n,
  usage: undefined,
  countLimits: false,
  reservation: undefined,
  ...over,
});
