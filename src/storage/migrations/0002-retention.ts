/**
 * Old entries leave with their partition: dropping one takes milliseconds, where deleting its rows
 * leaves the table as large as it was. What they had posted stays in the periods' archive columns, so
 * that balances remain provable. Summing up reads a partition that nobody writes to any more, and
 * locks nothing; the drop takes its locks in the order of all others, periods before entries.
 */
export const RETENTION = `
CREATE TABLE ledger_partition_sums (
  partition_name text NOT NULL,
  budget_id text COLLATE "C" NOT NULL,
  generation integer NOT NULL,
  period_start_ms bigint NOT NULL,
  nanos bigint NOT NULL,
  entries bigint NOT NULL,
  PRIMARY KEY (partition_name, budget_id, generation, period_start_ms)
);

CREATE FUNCTION weir_old_ledger_partitions(before timestamptz) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT c.relname::text
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'ledger_entries'::regclass AND c.relname ~ '^ledger_entries_[0-9]{4}_[0-9]{2}$'
      AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= before
    ORDER BY c.relname
$$;

CREATE FUNCTION weir_sum_ledger_partition(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM ledger_partition_sums WHERE partition_name = name;
  EXECUTE format(
    'INSERT INTO ledger_partition_sums
       SELECT %L, p.budget_id, p.generation, p.start_ms, sum(p.nanos), count(*)
         FROM %I AS e,
         LATERAL unnest(e.budget_ids, e.generations, e.period_starts_ms, e.posted_nanos)
           AS p(budget_id, generation, start_ms, nanos)
         GROUP BY p.budget_id, p.generation, p.start_ms', name, name);
END $$;

CREATE FUNCTION weir_drop_ledger_partition(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM budget_periods AS b
    JOIN ledger_partition_sums AS s ON s.budget_id = b.budget_id AND s.generation = b.generation
      AND s.period_start_ms = b.period_start_ms
    WHERE s.partition_name = name
    ORDER BY b.budget_id, b.generation, b.period_start_ms FOR UPDATE OF b;
  UPDATE budget_periods AS b
    SET archived_nanos = b.archived_nanos + s.nanos, archived_entries = b.archived_entries + s.entries
    FROM ledger_partition_sums AS s
    WHERE s.partition_name = name AND s.budget_id = b.budget_id AND s.generation = b.generation
      AND s.period_start_ms = b.period_start_ms;
  DELETE FROM ledger_partition_sums WHERE partition_name = name;
  EXECUTE format('DROP TABLE %I', name);
END $$`;

export const DROP_RETENTION: readonly string[] = [
  'DROP FUNCTION weir_drop_ledger_partition',
  'DROP FUNCTION weir_sum_ledger_partition',
  'DROP FUNCTION weir_old_ledger_partitions',
  'DROP TABLE ledger_partition_sums',
];
