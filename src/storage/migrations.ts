import type { MigrationInterface } from 'typeorm';
import { Governance1763942400001 } from './migrations/0001-governance.js';
import { Ledger1763942400002 } from './migrations/0002-ledger.js';
import { Reservations1763942400003 } from './migrations/0003-reservations.js';
import { DeadLetters1763942400004 } from './migrations/0004-dead-letters.js';
import { Limits1763942400007 } from './migrations/0007-limits.js';
import { CounterCheckpoints1763942400008 } from './migrations/0008-counter-checkpoints.js';
import { RegionalCheckpoints1764115200009 } from './migrations/0009-regional-checkpoints.js';

type MigrationClass = new () => MigrationInterface;

/**
 * Every migration, oldest first. A released one is never changed; its class name ends in the time it
 * was written (`CreateOwners1767225600000`), which is the order in which they run.
 */
export const migrations: MigrationClass[] = [
  Governance1763942400001,
  Ledger1763942400002,
  Reservations1763942400003,
  DeadLetters1763942400004,
  Limits1763942400007,
  CounterCheckpoints1763942400008,
  RegionalCheckpoints1764115200009,
];
