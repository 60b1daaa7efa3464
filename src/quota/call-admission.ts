import { Injectable } from '@nestjs/common';
import { WeirConfig } from '../config/weir-config.js';
import type { WallMs } from '../common/time.js';
import { accessDenial } from '../governance/core/access.js';
import type { Budget, Limit } from '../governance/core/model.js';
import { GovernanceService, type Resolved } from '../governance/governance.service.js';
import type { CallTarget } from './core/calls.js';
import type { DenyReason } from './core/decision.js';

/** Whether a call's key lets it through to the policies, and which policies those are. */
export type Admission =
  | { readonly kind: 'refused'; readonly reason: DenyReason; readonly virtualKeyId: string }
  | {
      readonly kind: 'admitted';
      readonly virtualKeyId: string;
      readonly limits: readonly Limit[];
      readonly budgets: readonly Budget[];
    };

@Injectable()
export class CallAdmission {
  constructor(
    private readonly governance: GovernanceService,
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
      return { kind: 'admitted', virtualKeyId: '', ...this.governance.match(resolved.chain, call) };
    }
    const { key, chain } = resolved;
    const denial = accessDenial(key, call, now);
    if (denial !== undefined) return refused(denial, key.id);
    return { kind: 'admitted', virtualKeyId: key.id, ...this.governance.match(chain, call) };
  }
}

const refused = (reason: DenyReason, virtualKeyId = ''): Admission => ({
  kind: 'refused',
  reason,
  virtualKeyId,
});
