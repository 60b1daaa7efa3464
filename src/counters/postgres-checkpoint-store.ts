import { Injectable } from '@nestjs/common';
import { present } from '../common/assert.js';
import { Database } from '../storage/database.js';
import {
  type CheckpointPage,
  type CheckpointSlot,
  CheckpointStore,
  ENDED_KEPT_MS,
  SLOT_LEASE_MS,
  type SlotClaim,
} from './checkpoint-store.js';
import type { Checkpoint, CheckpointRow } from './core/checkpoint.js';
import type { FingerprintKey } from './core/fingerprint.js';

@Injectable()
export class PostgresCheckpointStore extends CheckpointStore {
  constructor(private readonly database: Database) {
    super();
  }

  async fingerprintKey({ k0, k1 }: FingerprintKey): Promise<FingerprintKey> {
    await this.database.query(PROPOSE_KEY, [k0, k1]);
    const [row] = await this.database.query<{ k0: string; k1: string }>(
      'SELECT k0, k1 FROM fingerprint_key',
    );
    const key = present(row, 'a key is there once it has been proposed');
    return { k0: Number(key.k0), k1: Number(key.k1) };
  }

  async claim(claim: SlotClaim): Promise<CheckpointSlot> {
    const source = claim.source === undefined ? null : JSON.stringify(claim.source);
    const parameters = [claim.name, claim.keyCheck, SLOT_LEASE_MS, source];
    const [row] = await this.database.query<{ id: number }>(CLAIM, parameters);
    return { ...claim, id: present(row, 'a claim ends with a slot').id };
  }

  async save(slot: CheckpointSlot, { rows }: Checkpoint): Promise<boolean> {
    const parameters = [slot.id, slot.name, ...columnsOf(rows)];
    const [row] = await this.database.query<{ held: string }>(SAVE, parameters);
    return row?.held === '1';
  }

  async strange({ keyCheck }: CheckpointSlot): Promise<number> {
    const [row] = await this.database.query<{ strange: string }>(STRANGE, [keyCheck]);
    return Number(row?.strange ?? 0);
  }

  others({ id, keyCheck }: CheckpointSlot): Promise<readonly CheckpointSlot[]> {
    return this.database.query<CheckpointSlot>(OTHERS, [keyCheck, id]);
  }

  async load(
    slot: CheckpointSlot,
    rowsMax: number,
    after: string | undefined,
  ): Promise<CheckpointPage> {
    const found = await this.database.query<Row>(LOAD, [slot.id, after ?? '', rowsMax + 1]);
    const rows = found.slice(0, rowsMax).map(rowOf);
    const next = found.length > rowsMax ? rows.at(-1)?.fingerprint : undefined;
    return { checkpoint: { keyCheck: slot.keyCheck, source: slot.source, rows }, next };
  }

  async release({ id, name }: CheckpointSlot): Promise<void> {
    await this.database.query(RELEASE, [id, name]);
  }

  async prune(rowsMax: number): Promise<number> {
    const [row] = await this.database.query<{ pruned: string }>(PRUNE, [rowsMax, ENDED_KEPT_MS]);
    return Number(row?.pruned ?? 0);
  }
}

interface Row {
  readonly fingerprint: string;
  readonly kind: CheckpointRow['kind'];
  readonly group_name: string | null;
  readonly window_start_ms: string;
  readonly expires_ms: string;
  readonly current_taken: string;
  readonly current_returned: string;
  readonly previous_taken: string;
  readonly previous_returned: string;
  readonly deficit_units: string | null;
  readonly units_per_token: string | null;
  readonly level_at_ms: string | null;
  readonly units_per_ms: string | null;
  readonly previous_start_ms: string | null;
  readonly is_regional: boolean;
}

/** In the order of {@link SAVE}'s parameters. */
const columnsOf = (rows: readonly CheckpointRow[]): readonly (readonly unknown[])[] => [
  rows.map(({ fingerprint }) => fingerprint),
  rows.map(({ kind }) => kind),
  rows.map(({ groupName }) => groupName ?? null),
  rows.map(({ windowStart }) => windowStart),
  rows.map(({ expiresAt }) => expiresAt),
  rows.map(({ current }) => current.taken),
  rows.map(({ current }) => current.returned),
  rows.map(({ previous }) => previous.taken),
  rows.map(({ previous }) => previous.returned),
  rows.map(({ level }) => level?.deficitUnits ?? null),
  rows.map(({ level }) => level?.unitsPerToken ?? null),
  rows.map(({ level }) => level?.at ?? null),
  rows.map(({ level }) => level?.unitsPerMs ?? null),
  rows.map(({ previousStart }) => previousStart ?? null),
  rows.map(({ isRegional }) => isRegional === true),
];

function rowOf(row: Row): CheckpointRow {
  const { deficit_units: deficit, units_per_token: units, level_at_ms: at } = row;
  const level =
    deficit === null || units === null || at === null
      ? undefined
      : {
          deficitUnits: Number(deficit),
          unitsPerToken: Number(units),
          unitsPerMs: optionalNumber(row.units_per_ms),
          at: Number(at),
        };
  return {
    kind: row.kind,
    fingerprint: row.fingerprint,
    groupName: row.group_name ?? undefined,
    ...(row.is_regional ? { isRegional: true } : {}),
    windowStart: Number(row.window_start_ms),
    expiresAt: Number(row.expires_ms),
    current: { taken: Number(row.current_taken), returned: Number(row.current_returned) },
    previous: { taken: Number(row.previous_taken), returned: Number(row.previous_returned) },
    previousStart: optionalNumber(row.previous_start_ms),
    level,
  };
}

const optionalNumber = (text: string | null): number | undefined =>
  text === null ? undefined : Number(text);

const PROPOSE_KEY =
  'INSERT INTO fingerprint_key (k0, k1) VALUES ($1, $2) ON CONFLICT (is_only) DO NOTHING';

/** Two processes that start at once pass over each other's choice, so none of them waits or shares. */
const CLAIM = `
  WITH abandoned AS (
    SELECT id FROM checkpoint_slots
      WHERE key_check = $2 AND source IS NULL AND $4::jsonb IS NULL
        AND (is_free OR seen_at < now() - make_interval(secs => $3::double precision / 1000))
        AND NOT EXISTS (SELECT FROM checkpoint_slots WHERE name = $1 AND key_check = $2)
      ORDER BY seen_at DESC LIMIT 1 FOR UPDATE SKIP LOCKED),
  adopted AS (
    UPDATE checkpoint_slots SET name = $1, seen_at = now(), is_free = false
      WHERE id IN (SELECT id FROM abandoned) RETURNING id),
  claimed AS (
    INSERT INTO checkpoint_slots (name, key_check, seen_at, is_free, source)
      SELECT $1, $2, now(), false, $4::jsonb WHERE NOT EXISTS (SELECT FROM adopted)
      ON CONFLICT (name, key_check) DO UPDATE SET seen_at = now(), is_free = false
      RETURNING id)
  SELECT id FROM adopted UNION ALL SELECT id FROM claimed`;

const OTHERS = `
  SELECT id, name, key_check AS "keyCheck", source FROM checkpoint_slots
    WHERE key_check = $1 AND id <> $2 AND source IS NOT NULL ORDER BY id`;

/** Rows that are over are pruned a minute later, and slots without rows after a day. */
const STRANGE = `
  SELECT count(*) AS strange FROM checkpoint_slots AS s
    WHERE key_check <> $1 AND EXISTS (SELECT FROM counter_checkpoints WHERE slot_id = s.id)`;

/** Merges as {@link mergeRows} does. Rows are locked in the order of their keys. */
const SAVE = `
  WITH held AS (
    UPDATE checkpoint_slots SET seen_at = now(), is_free = false
      WHERE id = $1 AND name = $2 RETURNING id),
  saved AS (
    INSERT INTO counter_checkpoints AS c (slot_id, fingerprint, kind, group_name, window_start_ms,
        expires_at, current_taken, current_returned, previous_taken, previous_returned,
        deficit_units, units_per_token, level_at_ms, units_per_ms, previous_start_ms, is_regional)
      SELECT held.id, decode(r.fingerprint, 'hex'), r.kind, r.group_name, r.window_start,
          to_timestamp(r.expires_ms / 1000.0), r.taken, r.returned, r.taken_before,
          r.returned_before, r.deficit, r.units, r.level_at, r.units_per_ms, r.start_before,
          r.is_regional
        FROM held, unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
            $14::bigint[], $15::bigint[], $16::bigint[], $17::boolean[])
          AS r(fingerprint, kind, group_name, window_start, expires_ms, taken, returned,
            taken_before, returned_before, deficit, units, level_at, units_per_ms, start_before,
            is_regional)
        ORDER BY r.fingerprint
      ON CONFLICT (slot_id, fingerprint) DO UPDATE SET
        kind = excluded.kind,
        group_name = excluded.group_name,
        window_start_ms = excluded.window_start_ms,
        expires_at = excluded.expires_at,
        current_taken = greatest(excluded.current_taken,
          CASE WHEN c.window_start_ms = excluded.window_start_ms THEN c.current_taken END),
        current_returned = greatest(excluded.current_returned,
          CASE WHEN c.window_start_ms = excluded.window_start_ms THEN c.current_returned END),
        previous_taken = greatest(excluded.previous_taken,
          CASE WHEN c.window_start_ms = excluded.window_start_ms THEN c.previous_taken END),
        previous_returned = greatest(excluded.previous_returned,
          CASE WHEN c.window_start_ms = excluded.window_start_ms THEN c.previous_returned END),
        deficit_units = excluded.deficit_units,
        units_per_token = excluded.units_per_token,
        level_at_ms = excluded.level_at_ms,
        units_per_ms = excluded.units_per_ms,
        previous_start_ms = excluded.previous_start_ms,
        is_regional = excluded.is_regional
        WHERE coalesce(excluded.level_at_ms, excluded.window_start_ms)
          >= coalesce(c.level_at_ms, c.window_start_ms))
  SELECT count(*) AS held FROM held`;

const LOAD = `
  SELECT encode(fingerprint, 'hex') AS fingerprint, kind, group_name, window_start_ms,
      (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms, current_taken,
      current_returned, previous_taken, previous_returned, deficit_units, units_per_token,
      level_at_ms, units_per_ms, previous_start_ms, is_regional
    FROM counter_checkpoints
    WHERE slot_id = $1 AND fingerprint > decode($2, 'hex')
    ORDER BY fingerprint LIMIT $3`;

const RELEASE = `
  UPDATE checkpoint_slots SET is_free = true, seen_at = now() WHERE id = $1 AND name = $2`;

/**
 * Rows that another replica deletes or updates are left to it. A slot without rows that nobody has used for a
 * day goes as well; should its process come back, it finds that it has lost it, and takes another.
 */
const PRUNE = `
  WITH ended AS (
    SELECT slot_id, fingerprint FROM counter_checkpoints
      WHERE expires_at < now() - make_interval(secs => $2::double precision / 1000)
      ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED),
  pruned AS (
    DELETE FROM counter_checkpoints AS c USING ended AS e
      WHERE c.slot_id = e.slot_id AND c.fingerprint = e.fingerprint RETURNING 1),
  unused AS (
    DELETE FROM checkpoint_slots AS s
      WHERE s.seen_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT FROM counter_checkpoints WHERE slot_id = s.id))
  SELECT count(*) AS pruned FROM pruned`;
