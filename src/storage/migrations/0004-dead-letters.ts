import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Debits that were journaled and that the ledger cannot take (ADR 0021). */
export class DeadLetters1763942400004 implements MigrationInterface {
  readonly name = 'DeadLetters1763942400004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(DEAD_LETTERS);
    await runner.query('CREATE INDEX dead_letters_found ON dead_letters (found_at, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE dead_letters');
  }
}

/** `debit` is `json`, not `jsonb`: kept as it was written, and a zero character is no reason to refuse. */
const DEAD_LETTERS = `
CREATE TABLE dead_letters (
  id text COLLATE "C" PRIMARY KEY,
  journaled_at timestamptz NOT NULL,
  found_at timestamptz NOT NULL,
  scope text COLLATE "C" NOT NULL,
  virtual_key_id text NOT NULL,
  idempotency_key text COLLATE "C" NOT NULL,
  amount_nanos bigint NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  reason text NOT NULL,
  debit json NOT NULL
)`;
