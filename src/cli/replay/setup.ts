import { status } from '@grpc/grpc-js';
import { type Owner, OwnerKind } from '../../gen/weir/v1/common.js';
import type { Budget, GetCustomerResponse } from '../../gen/weir/v1/governance_service.js';
import { budget as budgetCodec } from '../json/policy-messages.js';
import { CliError } from '../exit-code.js';
import type { Connection } from '../connection.js';
import { GrpcCallError } from '../../rpc/grpc-client.js';
import type { KeyPolicies } from './limits-file.js';
import type { ReplayPlan } from './plan.js';
import type { Retry } from './retry.js';

const ABREAST = 16;

/** Creates what the replay needs, or finds it from an earlier start of the same run. */
export async function setUp(
  plan: ReplayPlan,
  policies: KeyPolicies,
  { governance }: Connection,
  retry: Retry,
): Promise<void> {
  const ensure = (create: () => Promise<unknown>): Promise<unknown> =>
    retry.run(() => create().catch(unlessThere));
  const { customerId, teamId } = plan;
  const stamps = { createdAt: undefined, updatedAt: undefined };
  const customer = { id: customerId, name: customerName(plan), ...stamps };
  await ensure(() => governance.createCustomer({ customer }));
  refuseOtherRun(plan, await retry.run(() => governance.getCustomer({ id: customerId })));
  await retry.run(() => governance.importPrices({ prices: [...plan.prices] }));
  await ensure(() =>
    governance.createTeam({ team: { id: teamId, name: teamId, customerId, ...stamps } }),
  );
  await forEachAbreast(plan.keyIds, async (keyId) => {
    await ensure(() => governance.createVirtualKey({ virtualKey: newKey(keyId, plan) }));
    for (const create of policyCalls(keyId, policies, governance)) await ensure(create);
  });
  if (policies.limits.length + policies.budgets.length > 0) return;
  const budget = endlessBudget(plan);
  await ensure(() => governance.createBudget({ budget }));
}

/** Admits every row, so that each is held at its check and settled by its debit. */
const endlessBudget = ({ customerId }: ReplayPlan): Budget =>
  budgetCodec.read(
    {
      id: `${customerId}-budget`,
      name: 'without end',
      owner: { kind: 'OWNER_KIND_CUSTOMER', id: customerId },
      amountNanos: (2n ** 63n - 1n).toString(),
      lifetime: {},
    },
    'budget',
  );

const customerName = ({ runId, fingerprint }: ReplayPlan): string =>
  `Replay ${runId} (${fingerprint})`;

/** Rows that go to other keys would be debited again, since idempotency keys belong to a key. */
function refuseOtherRun(plan: ReplayPlan, { customer }: GetCustomerResponse): void {
  if (customer?.name === customerName(plan)) return;
  throw new CliError(
    `Run ${plan.runId} was begun with another trace, --keys, --model or prices. ` +
      'Resume it with the same ones, or choose another --run.',
  );
}

function newKey(id: string, { teamId, customerId }: ReplayPlan) {
  return {
    id,
    name: id,
    teamId,
    customerId,
    active: true,
    expiresAt: undefined,
    allowedProviders: undefined,
    allowedModels: undefined,
    secretHint: '',
    createdAt: undefined,
    updatedAt: undefined,
  };
}

function policyCalls(
  keyId: string,
  { limits, budgets }: KeyPolicies,
  governance: Connection['governance'],
): readonly (() => Promise<unknown>)[] {
  const owner: Owner = { kind: OwnerKind.OWNER_KIND_VIRTUAL_KEY, id: keyId };
  return [
    ...limits.map((limit, i) => () => {
      return governance.createLimit({ limit: { ...limit, owner, id: `${keyId}-limit-${i + 1}` } });
    }),
    ...budgets.map((budget, i) => () => {
      const id = `${keyId}-budget-${i + 1}`;
      return governance.createBudget({ budget: { ...budget, owner, id } });
    }),
  ];
}

function unlessThere(error: unknown): void {
  if (error instanceof GrpcCallError && error.code === status.ALREADY_EXISTS) return;
  throw error;
}

async function forEachAbreast<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < items.length; i += ABREAST) {
    await Promise.all(items.slice(i, i + ABREAST).map((item) => work(item)));
  }
}
