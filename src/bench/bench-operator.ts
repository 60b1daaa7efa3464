import { type Owner, OwnerKind, Unit } from '../gen/weir/v1/common.js';
import {
  Algorithm,
  ExpiryPolicy,
  Fallback,
  GovernanceServiceService,
  type Limit,
  Scope,
} from '../gen/weir/v1/governance_service.js';
import { createClient, type GrpcClient } from '../rpc/grpc-client.js';

const TIMES = { createdAt: undefined, updatedAt: undefined };
const BUDGET_DEFAULTS = {
  onExpiry: ExpiryPolicy.EXPIRY_POLICY_UNSPECIFIED,
  onUnavailable: Fallback.FALLBACK_UNSPECIFIED,
  onUnpriced: Fallback.FALLBACK_UNSPECIFIED,
  thresholdPercents: [],
  carryOver: undefined,
};
const INT64_MAX = 9_223_372_036_854_775_807n;

/** Sets up what a benchmark needs, over the public API. */
export class BenchOperator {
  private readonly governance: GrpcClient<typeof GovernanceServiceService>;

  constructor(address: string) {
    this.governance = createClient(GovernanceServiceService, 'weir.v1.GovernanceService', address);
  }

  close(): void {
    this.governance.close();
  }

  /** A customer, its team, and the team's key, whose id is the answer. */
  async createKey(name: string): Promise<string> {
    const customer = { id: `${name}-customer`, name, ...TIMES };
    const team = { id: `${name}-team`, name, customerId: customer.id, ...TIMES };
    const virtualKey = {
      id: `${name}-key`,
      name,
      teamId: team.id,
      customerId: '',
      active: true,
      expiresAt: undefined,
      allowedProviders: undefined,
      allowedModels: undefined,
      secretHint: '',
      ...TIMES,
    };
    await this.governance.createCustomer({ customer });
    await this.governance.createTeam({ team });
    await this.governance.createVirtualKey({ virtualKey });
    return virtualKey.id;
  }

  ownersOf(name: string): readonly Owner[] {
    return [
      { kind: OwnerKind.OWNER_KIND_ROOT, id: '' },
      { kind: OwnerKind.OWNER_KIND_CUSTOMER, id: `${name}-customer` },
      { kind: OwnerKind.OWNER_KIND_TEAM, id: `${name}-team` },
      { kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id: `${name}-key` },
    ];
  }

  /** A limit of requests in a minute that no benchmark reaches. */
  async createEndlessLimit(owner: Owner): Promise<void> {
    const limit = {
      id: '',
      name: 'endless',
      owner,
      unit: Unit.UNIT_REQUESTS,
      maximum: BigInt(Number.MAX_SAFE_INTEGER),
      algorithm: Algorithm.ALGORITHM_SLIDING_WINDOW,
      groupBy: [],
      groupsMax: undefined,
      onUnavailable: Fallback.FALLBACK_UNSPECIFIED,
      scope: Scope.SCOPE_UNSPECIFIED,
      window: { $case: 'duration' as const, value: { seconds: 60n, nanos: 0 } },
      match: undefined,
      shadow: false,
      ...TIMES,
    };
    await this.governance.createLimit({ limit });
  }

  /** A key with one limit of requests, in fixed windows; its id is the answer. */
  async createLimitedKey(name: string, maximum: number, windowMs: number): Promise<string> {
    const key = await this.createKey(name);
    await this.governance.createLimit({ limit: limitOf(key, maximum, windowMs) });
    return key;
  }

  /** Of the limit of {@link createLimitedKey}. */
  async setMaximum(key: string, maximum: number): Promise<void> {
    const limit = limitOf(key, maximum, 1_000);
    await this.governance.updateLimit({ limit, updateMask: ['maximum'] });
  }

  /** A budget without end that applies to calls of one model, or to all. */
  async createEndlessBudget(owner: Owner, model?: string): Promise<void> {
    const budget = {
      id: '',
      name: 'endless',
      owner,
      amountNanos: INT64_MAX,
      period: { $case: 'lifetime' as const, value: {} },
      match: { providers: [], models: model === undefined ? [] : [model], labels: {} },
      shadow: false,
      ...BUDGET_DEFAULTS,
      ...TIMES,
    };
    await this.governance.createBudget({ budget });
  }
}

const limitOf = (key: string, maximum: number, windowMs: number): Limit => ({
  id: `${key}-limit`,
  name: 'limited',
  owner: { kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id: key },
  unit: Unit.UNIT_REQUESTS,
  maximum: BigInt(maximum),
  algorithm: Algorithm.ALGORITHM_FIXED_WINDOW,
  groupBy: [],
  onUnavailable: Fallback.FALLBACK_UNSPECIFIED,
  scope: Scope.SCOPE_UNSPECIFIED,
  window: {
    $case: 'duration',
    value: { seconds: BigInt(Math.floor(windowMs / 1_000)), nanos: (windowMs % 1_000) * 1_000_000 },
  },
  match: undefined,
  shadow: false,
  ...TIMES,
});
