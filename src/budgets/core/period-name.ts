import type { PeriodKey } from './ledger-model.js';

/** A text that is equal for equal periods. */
export const periodName = (key: PeriodKey): string =>
  `${key.budgetId} ${key.generation} ${key.period.start}`;
