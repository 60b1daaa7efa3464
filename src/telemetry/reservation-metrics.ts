import type { CheckLimitService } from '../quota/check-limit.service.js';
import type { MetricSource } from './state-metrics.js';

/** Reservations of calls that met limits only, in the memory of this replica. */
export const reservationGauges = (checks: CheckLimitService): readonly MetricSource[] => [
  {
    name: 'weir_limit_reservations',
    help: 'Reservations of calls that met no budget: counters.reservationsMax is their bound.',
    read: () => checks.reservations().size,
  },
  {
    name: 'weir_limit_reservations_refused',
    help: 'Checks that found all of these reservations in use, since the start.',
    read: () => checks.reservations().refused,
  },
  {
    name: 'weir_limit_reservations_lost',
    help: 'Debits of reservations whose replica is gone; nothing was left to correct.',
    read: () => checks.reservations().lost,
  },
];
