import type { Decision, DenyReason } from './decision.js';

/** How calls were decided since the start, for metrics. Reasons are a closed set, so this is bounded. */
export class DecisionCounts {
  allowed = 0;
  readonly denied = new Map<DenyReason, number>();
  /** Calls that a shadow policy would have denied. */
  shadowDenied = 0;

  record(decision: Decision): void {
    if (decision.kind === 'allow') this.allowed += 1;
    else this.denied.set(decision.reason, (this.denied.get(decision.reason) ?? 0) + 1);
    for (const { policy, refusal } of decision.verdicts)
      if (refusal !== undefined && policy.shadow) {
        this.shadowDenied += 1;
        return;
      }
  }
}
