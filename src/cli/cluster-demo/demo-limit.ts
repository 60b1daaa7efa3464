import { OwnerKind, Unit } from '../../gen/weir/v1/common.js';
import {
  Algorithm,
  Fallback,
  type Limit,
  Scope,
  type VirtualKey,
} from '../../gen/weir/v1/governance_service.js';
import type { Connection } from '../connection.js';
import { toDuration } from '../input/calendar.js';

export const DEMO_KEY = 'cluster-demo-key';
export const LIMIT_MAX = 300;
export const WINDOW_MS = 5_000;

/** One key with one limit: 300 requests in each window of 5 seconds, on all replicas together. */
export async function declareDemoLimit({ governance }: Connection): Promise<void> {
  await governance.createVirtualKey({ virtualKey: KEY });
  await governance.createLimit({ limit: LIMIT });
}

const STAMPS = { createdAt: undefined, updatedAt: undefined };

const KEY: VirtualKey = {
  id: DEMO_KEY,
  name: 'key of the cluster demonstration',
  teamId: '',
  customerId: '',
  active: true,
  expiresAt: undefined,
  allowedProviders: undefined,
  allowedModels: undefined,
  secretHint: '',
  ...STAMPS,
};

const LIMIT: Limit = {
  id: 'cluster-demo-limit',
  name: `${LIMIT_MAX} requests per ${WINDOW_MS / 1_000} s`,
  owner: { kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id: DEMO_KEY },
  unit: Unit.UNIT_REQUESTS,
  maximum: BigInt(LIMIT_MAX),
  algorithm: Algorithm.ALGORITHM_FIXED_WINDOW,
  window: { $case: 'duration', value: toDuration(WINDOW_MS) },
  match: undefined,
  shadow: false,
  groupBy: [],
  onUnavailable: Fallback.FALLBACK_UNSPECIFIED,
  scope: Scope.SCOPE_UNSPECIFIED,
  ...STAMPS,
};
