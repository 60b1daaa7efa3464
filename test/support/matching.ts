import type { Chain } from '../../src/governance/core/directory.js';
import type { Budget, Limit } from '../../src/governance/core/model.js';
import type { Call, Prepared } from '../../src/governance/core/policy-group.js';

/** The policies of a chain that apply to a call, in the order of an answer. */
export function matching(chain: Chain, call: Call): { limits: Limit[]; budgets: Budget[] } {
  const meets = ({ applies }: Prepared<unknown>): boolean => applies === undefined || applies(call);
  const groups = chain.own === undefined ? chain.above.groups : [...chain.above.groups, chain.own];
  return {
    limits: groups.flatMap((group) => group.prepareLimits().filter(meets)).map(policyOf),
    budgets: groups.flatMap((group) => group.prepareBudgets().filter(meets)).map(policyOf),
  };
}

const policyOf = <P>({ policy }: Prepared<P>): P => policy;
