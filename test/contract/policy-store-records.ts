import type {
  BudgetDraft,
  GrantDraft,
  LimitDraft,
  PriceDraft,
  VirtualKeyDraft,
} from '../../src/governance/core/drafts.js';
import type {
  Budget,
  Customer,
  Grant,
  Limit,
  Price,
  Team,
  VirtualKey,
} from '../../src/governance/core/model.js';
import { wallMs } from '../../src/common/time.js';

/** Records and drafts that are right, with whatever a test wants to be different. */
const STAMPS = { createdAt: wallMs(1_767_225_600_123), updatedAt: wallMs(1_767_225_600_456) };
const ANY = { providers: [], models: [], labels: {} };

export const customer = (changes: Partial<Customer> = {}): Customer => ({
  id: 'cus',
  name: 'Acme',
  ...STAMPS,
  ...changes,
});

export const team = (changes: Partial<Team> = {}): Team => ({
  id: 'team',
  name: 'Search',
  customerId: undefined,
  ...STAMPS,
  ...changes,
});

export const virtualKey = (changes: Partial<VirtualKey> = {}): VirtualKey => ({
  id: 'key',
  name: 'Laptop',
  teamId: undefined,
  customerId: undefined,
  active: true,
  expiresAt: undefined,
  allowedProviders: undefined,
  allowedModels: undefined,
  secretHint: 'wk_abcde',
  secretHash: `hash of ${changes.id ?? 'key'}`,
  ...STAMPS,
  ...changes,
});

export const limit = (changes: Partial<Limit> = {}): Limit => ({
  id: 'lim',
  name: 'Per minute',
  owner: { kind: 'root', id: '' },
  match: ANY,
  shadow: false,
  generation: 1,
  unit: 'requests',
  maximum: 100,
  algorithm: {
    kind: 'sliding_window',
    window: { kind: 'duration', durationMs: 60_000, anchorMs: 0 },
  },
  groupBy: undefined,
  onUnavailable: 'deny',
  scope: 'global',
  ...STAMPS,
  ...changes,
});

export const budget = (changes: Partial<Budget> = {}): Budget => ({
  id: 'bud',
  name: 'Monthly',
  owner: { kind: 'root', id: '' },
  match: ANY,
  shadow: false,
  generation: 1,
  amountNanos: 1_000_000_000n,
  period: { kind: 'lifetime' },
  onExpiry: 'release',
  onUnavailable: 'deny',
  onUnpriced: 'deny',
  thresholdPercents: [50, 80, 100],
  carryOver: undefined,
  ...STAMPS,
  ...changes,
});

export const grant = (changes: Partial<Grant> = {}): Grant => ({
  id: 'grant',
  budgetId: 'bud',
  amountNanos: 5n,
  startsAt: wallMs(1_767_225_600_123),
  endsAt: wallMs(1_767_225_601_456),
  reason: 'Launch',
  actor: 'ada',
  createdAt: STAMPS.createdAt,
  ...changes,
});

export const grantDraft = (changes: Partial<GrantDraft> = {}): GrantDraft => ({
  id: '',
  budgetId: 'bud',
  amountNanos: 5n,
  startsAtMs: undefined,
  endsAtMs: 1_900_000_000_000,
  reason: 'Launch',
  actor: 'ada',
  ...changes,
});

export const price = (changes: Partial<Price> = {}): Price => ({
  id: 'price',
  provider: 'openai',
  model: 'gpt-5',
  revision: 1,
  inputPicos: 1_250_000n,
  cachedInputPicos: 125_000n,
  outputPicos: 10_000_000n,
  reasoningPicos: undefined,
  ...STAMPS,
  ...changes,
});

export const keyDraft = (changes: Partial<VirtualKeyDraft> = {}): VirtualKeyDraft => ({
  id: '',
  name: 'Laptop',
  teamId: '',
  customerId: '',
  active: true,
  expiresAtMs: undefined,
  allowedProviders: undefined,
  allowedModels: undefined,
  ...changes,
});

export const limitDraft = (changes: Partial<LimitDraft> = {}): LimitDraft => ({
  id: '',
  name: 'Per minute',
  owner: { kind: 'root', id: '' },
  match: ANY,
  shadow: false,
  unit: 'default',
  maximum: 100n,
  algorithm: 'default',
  window: { kind: 'duration', nanos: 60_000_000_000n },
  groupBy: [],
  groupsMax: undefined,
  onUnavailable: 'default',
  scope: 'default',
  ...changes,
});

export const budgetDraft = (changes: Partial<BudgetDraft> = {}): BudgetDraft => ({
  id: '',
  name: 'Monthly',
  owner: { kind: 'root', id: '' },
  match: ANY,
  shadow: false,
  amountNanos: 1_000_000_000n,
  period: { kind: 'lifetime' },
  onExpiry: 'default',
  onUnavailable: 'default',
  onUnpriced: 'default',
  thresholdPercents: [],
  carryOver: undefined,
  ...changes,
});

export const priceDraft = (changes: Partial<PriceDraft> = {}): PriceDraft => ({
  id: '',
  provider: 'openai',
  model: 'gpt-5',
  inputPicos: 1_250_000n,
  cachedInputPicos: 125_000n,
  outputPicos: 10_000_000n,
  reasoningPicos: undefined,
  ...changes,
});
