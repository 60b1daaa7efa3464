import { Injectable } from '@nestjs/common';
import { priceDebit } from '../budgets/core/price-debit.js';
import type { Budget } from '../governance/core/model.js';
import { GovernanceService } from '../governance/governance.service.js';
import { allowsUnpriced } from './budget-rules.js';
import type { CheckCall } from './core/calls.js';

/** What a call is expected to cost before it is made. */
export interface Estimate {
  /** 0 if it is not known. */
  readonly amountNanos: bigint;
  /** What is owed even if the call is never heard of again: its input. */
  readonly floorNanos: bigint;
}

const UNKNOWN: Estimate = { amountNanos: 0n, floorNanos: 0n };

@Injectable()
export class Estimates {
  constructor(private readonly governance: GovernanceService) {}

  /**
   * What the caller says, else what its tokens cost at most. Undefined: tokens are given, no price is
   * known, and a budget that matches does not let such calls pass.
   */
  estimate(call: CheckCall, budgets: readonly Budget[]): Estimate | undefined {
    const { amountNanos, inputTokens, maxOutputTokens } = call;
    if (inputTokens === 0n && maxOutputTokens === 0n) return { amountNanos, floorNanos: 0n };
    const price = this.governance.price(call.provider, call.model);
    if (price === undefined) {
      if (amountNanos > 0n) return { amountNanos, floorNanos: 0n };
      return allowsUnpriced(budgets) ? UNKNOWN : undefined;
    }
    const none = { input: 0n, cachedInput: 0n, output: 0n, reasoning: 0n };
    const floorNanos = priceDebit({ ...none, input: inputTokens }, price);
    if (amountNanos > 0n) return { amountNanos, floorNanos };
    // Reasoning may cost more than output, and which of the two the tokens will be is not known.
    const asOutput = priceDebit({ ...none, input: inputTokens, output: maxOutputTokens }, price);
    const asReasoning = priceDebit(
      { ...none, input: inputTokens, reasoning: maxOutputTokens },
      price,
    );
    return { amountNanos: asOutput > asReasoning ? asOutput : asReasoning, floorNanos };
  }
}
