import { Injectable } from '@nestjs/common';
import { WeirConfig } from '../config/weir-config.js';
import type { WallMs } from '../common/time.js';
import { accessDenial } from '../governance/core/access.js';
import { GovernanceService, type Resolved } from '../governance/governance.service.js';
import type { CallTarget } from './core/calls.js';
import type { DenyReason } from './core/decision.js';
import { MatchedPolicies } from './matched-policies.js';
import type { Matched } from './plans-above.js';

/** Whether a call's key lets it through to the policies, and which policies those are. */
export type Admission =
  | { readonly kind: 'refused'; readonly reason: DenyReason; readonly virtualKeyId: string }
  | {
      readonly kind: 'admitted';
      readonly caller: Caller;
      readonly matched: Matched;
    };

/** Whom a call belongs to. Empty where there is none. */
export interface Caller {
  readonly virtualKeyId: string;
  readonly teamId: string;
  readonly customerId: string;
}

export const callerOf = (resolved: Resolved): Caller =>
  resolved.kind === 'unknown' ? NOBODY : resolved.chain;

/** For what is written down: a caller in memory may be more than this. */
export const idsOf = ({ virtualKeyId, teamId, customerId }: Caller): Caller => ({
  virtualKeyId,
  teamId,
  customerId,
});

const NOBODY: Caller = { virtualKeyId: '', teamId: '', customerId: '' };

@Injectable()
export class CallAdmission {
  constructor(
    private readonly governance: GovernanceService,
    private readonly policies: MatchedPolicies,
    private readonly config: WeirConfig,
  ) {}

  /** Waits only for a key that this replica has not seen yet and must look up. */
  admit(call: CallTarget, now: WallMs): Admission | Promise<Admission> {
    const resolved = this.governance.resolve(call.subject);
    return resolved instanceof Promise
      ? resolved.then((known) => this.judge(call, known, now))
      : this.judge(call, resolved, now);
  }

  private judge(call: CallTarget, resolved: Resolved, now: WallMs): Admission {
    if (resolved.kind === 'unknown') return refused('KEY_UNKNOWN');
    if (resolved.kind === 'none') {
      if (this.config.governance.virtualKeyMandatory) return refused('KEY_REQUIRED');
      return this.admitted(call, resolved);
    }
    const { key, chain } = resolved;
    const denial = chain.isUnrestricted ? undefined : accessDenial(key, call, now);
    if (denial !== undefined) return refused(denial, key.id);
    return this.admitted(call, resolved);
  }

  private admitted(call: CallTarget, resolved: Exclude<Resolved, { kind: 'unknown' }>): Admission {
    const matched = this.policies.match(resolved.chain, call);
    return { kind: 'admitted', caller: callerOf(resolved), matched };
  }
}

const refused = (reason: DenyReason, virtualKeyId = ''): Admission => ({
  kind: 'refused',
  reason,
  virtualKeyId,
});
