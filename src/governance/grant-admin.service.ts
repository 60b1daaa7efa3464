import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { DomainError, invalidArgument } from '../common/domain-error.js';
import { newId } from '../common/ids.js';
import { Random } from '../common/random.js';
import type { GrantDraft } from './core/drafts.js';
import type { Grant } from './core/model.js';
import { missingReference } from './core/references.js';
import { validateGrant } from './core/validate-grant.js';
import { quote } from './core/violations.js';
import { type Page, PolicyStore } from './policy-store.js';

/**
 * Grants: created and read, never changed or deleted, so that what raised a budget stays on record. The
 * ledger adds those that are active to the budget's amount, by the database's clock.
 */
@Injectable()
export class GrantAdminService {
  constructor(
    private readonly store: PolicyStore,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {}

  /** One write at a time, as with budgets: the budget is there while its grant is written. */
  async create(draft: GrantDraft): Promise<Grant> {
    const now = this.clock.wallNow();
    const checked = validateGrant(draft, now);
    if (checked.kind === 'invalid') throw invalidArgument(checked.violations);
    const id = draft.id === '' ? newId('grant', now, this.random) : draft.id;
    const grant: Grant = { id, ...checked.value, createdAt: now };
    await this.store.write(async (transaction) => {
      if ((await transaction.getGrant(id)) !== undefined) throw taken(id);
      const budget = await transaction.get('budget', grant.budgetId);
      if (budget === undefined) {
        throw missingReference({ field: 'grant.budget_id', kind: 'budget', id: grant.budgetId });
      }
      await transaction.addGrant(grant);
    });
    return grant;
  }

  async get(id: string): Promise<Grant> {
    if (id === '') throw invalidArgument([{ field: 'id', description: 'must say which one' }]);
    const grant = await this.store.getGrant(id);
    if (grant === undefined) throw new DomainError('NOT_FOUND', `there is no grant ${quote(id)}`);
    return grant;
  }

  list(budgetId: string | undefined, page: Page): Promise<readonly Grant[]> {
    return this.store.listGrants(budgetId, page);
  }
}

function taken(id: string): DomainError {
  const description = `there is a grant ${quote(id)} already; grants are never changed`;
  return new DomainError('ALREADY_EXISTS', `grant.id: ${description}`, {
    violations: [{ field: 'grant.id', description }],
  });
}
