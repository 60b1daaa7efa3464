import { afterAll, beforeAll, describe } from '@jest/globals';
import { Clock } from '../../src/common/clock.js';
import { monoMs, wallMs } from '../../src/common/time.js';
import { MemoryCheckpointStore } from '../../src/counters/memory-checkpoint-store.js';
import { PostgresCheckpointStore } from '../../src/counters/postgres-checkpoint-store.js';
import { openTestDatabase } from '../support/postgres.js';
import { checkpointStoreContract } from './checkpoint-store.contract.js';

class HandClock extends Clock {
  now = 1_700_000_000_000;
  wallNow = () => wallMs(this.now);
  monoNow = () => monoMs(this.now);
}

describe('MemoryCheckpointStore', () => {
  checkpointStoreContract(async () => {
    const clock = new HandClock();
    const silence = async (_slot: unknown, ms: number): Promise<void> => {
      clock.now += ms;
    };
    return { store: new MemoryCheckpointStore(clock), silence, bearableMs: 14_999 };
  });
});

describe('PostgresCheckpointStore', () => {
  let open: Awaited<ReturnType<typeof openTestDatabase>>;

  beforeAll(async () => {
    open = await openTestDatabase();
  });

  afterAll(() => open.close());

  checkpointStoreContract(async () => {
    const { database } = open;
    await database.query('TRUNCATE fingerprint_key, checkpoint_slots, counter_checkpoints');
    /** All slots, as all of the twin's are by its clock. */
    const silence = async (_slot: unknown, ms: number): Promise<void> => {
      await database.query(
        'UPDATE checkpoint_slots SET seen_at = seen_at - make_interval(secs => $1)',
        [ms / 1_000],
      );
    };
    return { store: new PostgresCheckpointStore(database), silence, bearableMs: 5_000 };
  });
});
