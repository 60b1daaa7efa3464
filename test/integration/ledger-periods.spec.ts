import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { present } from '../../src/common/assert.js';
import { intervalAt } from '../../src/common/interval-at.js';
import { SeededRandom } from '../../src/common/seeded-random.js';
import { DAY_MS, HOUR_MS, type Interval, type WallMs, wallMs } from '../../src/common/time.js';
import { openTestDatabase, type TestDatabase } from '../contract/budget-ledger-database.js';

const UNITS = ['minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
const FIRST_MS = Date.UTC(1970, 0, 2);
const LAST_MS = Date.UTC(2100, 0, 1);

interface Sample {
  readonly zone: string;
  readonly unit: (typeof UNITS)[number];
  readonly now: WallMs;
  readonly interval: Interval;
}

/** What PostgreSQL says of a sample: truncated, and the zone's offsets at five instants around it. */
interface Answer {
  readonly start_ms: string;
  readonly offsets_ms: readonly string[];
}

const TRUNCATE = `
  SELECT (extract(epoch FROM date_trunc(s.unit, t.now, s.zone)) * 1000)::bigint AS start_ms,
      ARRAY(SELECT ((extract(epoch FROM p.at AT TIME ZONE s.zone) - extract(epoch FROM p.at)) * 1000)::bigint
              FROM unnest(ARRAY[s.now_ms, s.start_ms - 1, s.start_ms, s.start_ms + ${3 * HOUR_MS}, s.end_ms])
                WITH ORDINALITY AS i(ms, place),
              LATERAL (SELECT to_timestamp(i.ms::double precision / 1000) AS at) AS p
              ORDER BY i.place)::text[] AS offsets_ms
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
      WITH ORDINALITY AS s(zone, unit, now_ms, start_ms, end_ms, place),
    LATERAL (SELECT to_timestamp(s.now_ms::double precision / 1000) AS now) AS t
    ORDER BY s.place`;

const instantsOf = ({ now, interval }: Sample): readonly number[] => [
  now,
  interval.start - 1,
  interval.start,
  interval.start + 3 * HOUR_MS,
  interval.end,
];

const offsetMs = (zone: string, ms: number): number =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).offsetNanoseconds / 1e6;

/** The two have the same rules where it matters if they agree on the offset at all five instants. */
const hasSameRules = (sample: Sample, answer: Answer): boolean =>
  instantsOf(sample).every(
    (ms, i) => Math.round(offsetMs(sample.zone, ms)) === Number(answer.offsets_ms[i]),
  );

/**
 * Where `date_trunc` gives intervals that overlap, ours differ on purpose (ADR 0003): a midnight that
 * comes twice, an hour or minute that a change of offset cuts.
 */
function isTiledByDateTrunc({ zone, unit, now, interval }: Sample): boolean {
  if (unit === 'minute' || unit === 'hour')
    return offsetMs(zone, interval.start - 1) === offsetMs(zone, now);
  return offsetMs(zone, interval.start) <= offsetMs(zone, interval.start + 3 * HOUR_MS);
}

function sampleAt(zone: string, now: WallMs, unit: Sample['unit']): Sample {
  const rule = { kind: 'calendar', unit, timeZone: zone, weekStart: 1 } as const;
  return { zone, unit, now, interval: intervalAt({ ...rule, anchorDay: 1, anchorMonth: 1 }, now) };
}

/** In each zone: instants at random, and around a change of the clock. */
function samplesOf(zone: string, random: SeededRandom): readonly Sample[] {
  return UNITS.flatMap((unit) => {
    const now = wallMs(FIRST_MS + random.below((LAST_MS - FIRST_MS) / 1000) * 1000);
    const change = Temporal.Instant.fromEpochMilliseconds(now)
      .toZonedDateTimeISO(zone)
      .getTimeZoneTransition('previous')?.epochMilliseconds;
    const near = (change ?? now) + random.below(2 * DAY_MS) - DAY_MS;
    return [now, wallMs(Math.max(near, FIRST_MS))].map((at) => sampleAt(zone, at, unit));
  });
}

describe('periods and date_trunc', () => {
  let open: TestDatabase | undefined;

  beforeAll(async () => {
    open = await openTestDatabase();
  });

  afterAll(() => open?.close());

  const ask = async (samples: readonly Sample[]): Promise<readonly Answer[]> =>
    present(open, 'the database is open').database.query<Answer>(TRUNCATE, [
      samples.map(({ zone }) => zone),
      samples.map(({ unit }) => unit),
      samples.map(({ now }) => now),
      samples.map(({ interval }) => interval.start),
      samples.map(({ interval }) => interval.end),
    ]);

  it('begin at the same instant in every zone, where the rules are the same', async () => {
    const { database } = present(open, 'the database is open');
    const rows = await database.query<{ name: string }>('SELECT name FROM pg_timezone_names');
    const known = new Set(rows.map(({ name }) => name));
    const zones = Intl.supportedValuesOf('timeZone').filter((zone) => known.has(zone));
    expect(zones.length).toBeGreaterThan(400);
    const random = new SeededRandom(20_260_826);
    const samples = zones.flatMap((zone) => samplesOf(zone, random));
    const answers = await ask(samples);
    const comparable = samples.flatMap((asked, i) => {
      const answer = present(answers[i], 'one answer for each sample');
      return hasSameRules(asked, answer) && isTiledByDateTrunc(asked) ? [{ asked, answer }] : [];
    });
    const differing = comparable
      .filter(({ asked, answer }) => asked.interval.start !== Number(answer.start_ms))
      .map(({ asked, answer }) => `${asked.zone} ${asked.unit} ${asked.now}: ${answer.start_ms}`);
    expect(differing).toEqual([]);
    expect(comparable.length / samples.length).toBeGreaterThan(0.9);
  });
});
