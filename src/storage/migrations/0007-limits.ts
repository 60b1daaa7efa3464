import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Limits of every kind: the algorithm as one value, groups, regions, and what to do without a counter. */
export class Limits1763942400007 implements MigrationInterface {
  readonly name = 'Limits1763942400007';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  /** Only the limits that were possible before are: the others are gone. */
  async down(runner: QueryRunner): Promise<void> {
    for (const statement of DOWN) await runner.query(statement);
  }
}

const UP = [
  `ALTER TABLE limits
    ALTER algorithm TYPE jsonb USING jsonb_build_object('kind', algorithm, 'window', "window"),
    DROP "window",
    ADD group_by text[] NOT NULL DEFAULT '{}',
    ADD groups_max integer,
    ADD on_unavailable text NOT NULL DEFAULT 'deny',
    ADD scope text NOT NULL DEFAULT 'global',
    ADD CONSTRAINT limits_groups CHECK ((cardinality(group_by) = 0) = (groups_max IS NULL))`,
  // Defaults are for the rows that were there; from now on the service says.
  `ALTER TABLE limits
    ALTER group_by DROP DEFAULT,
    ALTER on_unavailable DROP DEFAULT,
    ALTER scope DROP DEFAULT`,
];

const DOWN = [
  `DELETE FROM limits
   WHERE NOT algorithm ? 'window' OR unit <> 'requests' OR groups_max IS NOT NULL`,
  `ALTER TABLE limits ADD "window" jsonb`,
  `UPDATE limits SET "window" = algorithm -> 'window'`,
  `ALTER TABLE limits
    ALTER "window" SET NOT NULL,
    ALTER algorithm TYPE text USING algorithm ->> 'kind',
    DROP CONSTRAINT limits_groups,
    DROP group_by,
    DROP groups_max,
    DROP on_unavailable,
    DROP scope`,
];
