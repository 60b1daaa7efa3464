import type { MigrationInterface, QueryRunner } from 'typeorm';
import {
  CARRIED_OVER,
  CARRY_CONCERNS,
  CARRY_NEIGHBOURS,
  DECIDE_GROUP_WITH_CARRY_OVER,
  PERIOD_LENGTH,
  POST_DEBITS_UNLESS_CARRIED,
  WITHOUT_CARRY_OVER,
} from './0005-carry-over.js';

/** What a budget does with expiries, faults, thresholds and what is left of a period. */
export class BudgetPolicies1763942400005 implements MigrationInterface {
  readonly name = 'BudgetPolicies1763942400005';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [
      RULES,
      NO_DEFAULTS,
      GRANTS_BY_ID,
      CARRIED_OVER,
      PERIOD_LENGTH,
      CARRY_NEIGHBOURS,
      CARRY_CONCERNS,
      DECIDE_GROUP_WITH_CARRY_OVER,
      POST_DEBITS_UNLESS_CARRIED,
    ])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of [...WITHOUT_CARRY_OVER, ...DOWN]) await runner.query(statement);
  }
}

/** The three of `carry` together, or none: NULL means that a period begins with its amount. */
const RULES = `
ALTER TABLE budgets
  ADD on_expiry text NOT NULL DEFAULT 'release',
  ADD on_unavailable text NOT NULL DEFAULT 'deny',
  ADD on_unpriced text NOT NULL DEFAULT 'deny',
  ADD threshold_percents integer[] NOT NULL DEFAULT '{50,80,100}',
  ADD carry_max_nanos bigint,
  ADD carry_min_nanos bigint,
  ADD carry_overage boolean,
  ADD CONSTRAINT budgets_carry CHECK (
    num_nulls(carry_max_nanos, carry_min_nanos, carry_overage) IN (0, 3)
    AND carry_min_nanos >= 0 AND carry_max_nanos >= carry_min_nanos)`;

/** Defaults are for the rows that were there; from now on the service says. */
const NO_DEFAULTS = `
ALTER TABLE budgets
  ALTER on_expiry DROP DEFAULT,
  ALTER on_unavailable DROP DEFAULT,
  ALTER on_unpriced DROP DEFAULT,
  ALTER threshold_percents DROP DEFAULT`;

/** For pages of one budget's grants. */
const GRANTS_BY_ID = 'CREATE INDEX budget_grants_page ON budget_grants (budget_id, id)';

const DOWN = [
  'DROP FUNCTION weir_carry_concerns',
  'DROP FUNCTION weir_carry_neighbours',
  'DROP FUNCTION weir_period_length_ms',
  'DROP FUNCTION weir_carried_over',
  'DROP INDEX budget_grants_page',
  `ALTER TABLE budgets DROP CONSTRAINT budgets_carry, DROP on_expiry, DROP on_unavailable,
    DROP on_unpriced, DROP threshold_percents, DROP carry_max_nanos, DROP carry_min_nanos,
    DROP carry_overage`,
];
