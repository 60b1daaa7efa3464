import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What limits have counted in long windows, for the next process (ADR 0040). */
export class CounterCheckpoints1763942400008 implements MigrationInterface {
  readonly name = 'CounterCheckpoints1763942400008';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [FINGERPRINT_KEY, SLOTS, CHECKPOINTS, ENDED])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['counter_checkpoints', 'checkpoint_slots', 'fingerprint_key'])
      await runner.query(`DROP TABLE ${table}`);
  }
}

/** One row: the secret of this database. Without it checkpoints cannot be read, and limits begin anew. */
const FINGERPRINT_KEY = `
CREATE TABLE fingerprint_key (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  k0 bigint NOT NULL,
  k1 bigint NOT NULL
)`;

/** `source` is the run of a replica that counts together with others: its slot is its own for ever. */
const SLOTS = `
CREATE TABLE checkpoint_slots (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  key_check text COLLATE "C" NOT NULL,
  seen_at timestamptz NOT NULL,
  is_free boolean NOT NULL,
  source jsonb,
  UNIQUE (name, key_check)
)`;

/** The last four columns are of token buckets. Room is left in each page: rows are updated in place. */
const CHECKPOINTS = `
CREATE TABLE counter_checkpoints (
  slot_id integer NOT NULL REFERENCES checkpoint_slots ON DELETE CASCADE,
  fingerprint bytea NOT NULL,
  kind text NOT NULL,
  group_name text,
  window_start_ms bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  current_taken bigint NOT NULL,
  current_returned bigint NOT NULL,
  previous_taken bigint NOT NULL,
  previous_returned bigint NOT NULL,
  previous_start_ms bigint,
  deficit_units bigint,
  units_per_token bigint,
  level_at_ms bigint,
  units_per_ms bigint,
  PRIMARY KEY (slot_id, fingerprint),
  CHECK (num_nulls(deficit_units, units_per_token, level_at_ms) IN (0, 3))
) WITH (fillfactor = 70)`;

const ENDED = 'CREATE INDEX counter_checkpoints_ended ON counter_checkpoints (expires_at)';
