import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rows of limits that count in one region only say so, and other regions are not told of them when they are restored. Of
 * rows of the release before it is not known: they are told, and counted by nobody there (ADR 0124).
 */
export class RegionalCheckpoints1764115200009 implements MigrationInterface {
  readonly name = 'RegionalCheckpoints1764115200009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE counter_checkpoints ADD COLUMN is_regional boolean NOT NULL DEFAULT false',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE counter_checkpoints DROP COLUMN is_regional');
  }
}
