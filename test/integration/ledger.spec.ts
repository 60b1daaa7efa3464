/**
 * `weir.v1.LedgerService` over gRPC. Holds are made in the ledger itself, on the database that the
 * replica serves from.
 */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LedgerAnswer, LedgerItem } from '../../src/budgets/core/ledger-item.js';
import { PostgresDeadLetters } from '../../src/budgets/journal/postgres-dead-letters.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { present } from '../../src/common/assert.js';
import { OwnerKind } from '../../src/gen/weir/v1/common.js';
import {
  type LedgerEntry,
  type ListLedgerRequest,
  type ListReservationsRequest,
  type Reservation,
  ReservationState,
} from '../../src/gen/weir/v1/ledger_service.js';
import { toTimestamp } from '../../src/rpc/proto-time.js';
import {
  debitOf as debitCallOf,
  declareBudget,
  declareKey,
  ofCustomer,
  ofKey,
  ofTeam,
  ROOT,
} from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { debitOf, FEBRUARY, holdOf, JANUARY, limitOf, periodOf } from '../support/ledger-items.js';
import { openTestDatabase, runSql } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

let opened: Awaited<ReturnType<typeof openTestDatabase>>;
let books: PostgresBudgetLedger;
let replica: Replica;

beforeAll(async () => {
  opened = await openTestDatabase();
  books = new PostgresBudgetLedger(opened.database);
  replica = await startReplica(opened.url);
});

afterAll(async () => {
  await replica?.stop();
  await opened?.close();
});

async function decide(...items: readonly LedgerItem[]): Promise<readonly LedgerAnswer['kind'][]> {
  return (await books.decide(items)).map(({ kind }) => kind);
}

const sql = (text: string): Promise<void> => runSql(text, opened.url);

const PAGE = { pageSize: 0, pageToken: '' };

const ledgerOf = (over: Partial<ListLedgerRequest>): ListLedgerRequest => ({
  ...PAGE,
  owner: undefined,
  budgetId: '',
  interval: undefined,
  ...over,
});

async function entriesOf(over: Partial<ListLedgerRequest>): Promise<readonly LedgerEntry[]> {
  return (await replica.ledger.listLedger(ledgerOf(over))).entries;
}

const idsOf = (records: readonly { readonly id: string }[]): readonly string[] =>
  records.map(({ id }) => id);

const reservationsOf = (over: Partial<ListReservationsRequest>): ListReservationsRequest => ({
  ...PAGE,
  virtualKeyId: '',
  state: ReservationState.RESERVATION_STATE_UNSPECIFIED,
  ...over,
});

describe('ListLedger', () => {
  it('shows a debit with its owners, its price and what it posted', async () => {
    const { customerId, teamId, keyId } = await declareKey(replica, 'shown');
    const budget = await declareBudget(replica, { owner: ofTeam(teamId) });
    const { debitId } = await replica.quota.debitBudget(debitCallOf(keyId, 'call-1'));
    expect(await entriesOf({ owner: ofKey(keyId) })).toEqual([
      {
        id: debitId,
        recordedAt: expect.objectContaining({ seconds: expect.anything() }),
        kind: 'debit',
        virtualKeyId: keyId,
        teamId,
        customerId,
        provider: 'openai',
        model: 'gpt-4o',
        amountNanos: 100n,
        priceId: '',
        priceRevision: 0,
        reservationId: '',
        idempotencyKey: 'call-1',
        postings: [
          {
            period: {
              budgetId: budget.id,
              generation: expect.any(Number),
              interval: { start: expect.anything(), end: undefined },
            },
            amountNanos: 100n,
          },
        ],
      },
    ]);
  });

  it('shows entries of an owner, of a budget, or all, newest first', async () => {
    const other = [periodOf('fltr-a-budget'), periodOf('fltr-extra')];
    await decide(debitOf('fltr-1', 'fltr-a'));
    await decide(debitOf('fltr-2', 'fltr-a', { postedTo: other }));
    await decide(debitOf('fltr-3', 'fltr-b', { customerId: 'fltr-a-customer' }));
    expect(idsOf(await entriesOf({ owner: ofKey('fltr-a') }))).toEqual(['fltr-2', 'fltr-1']);
    expect(idsOf(await entriesOf({ owner: ofTeam('fltr-b-team') }))).toEqual(['fltr-3']);
    const ofBoth = await entriesOf({ owner: ofCustomer('fltr-a-customer') });
    expect(idsOf(ofBoth)).toEqual(['fltr-3', 'fltr-2', 'fltr-1']);
    expect(idsOf(await entriesOf({ budgetId: 'fltr-extra' }))).toEqual(['fltr-2']);
    const ofKeyAndBudget = { owner: ofKey('fltr-b'), budgetId: 'fltr-extra' };
    expect(await entriesOf(ofKeyAndBudget)).toEqual([]);
    for (const owner of [ROOT, undefined]) {
      const all = idsOf(await entriesOf({ owner }));
      expect(all.filter((id) => id.startsWith('fltr-'))).toEqual(['fltr-3', 'fltr-2', 'fltr-1']);
    }
    expect(await entriesOf({ owner: ofKey('nobody') })).toEqual([]);
    expect(await entriesOf({ budgetId: 'nothing' })).toEqual([]);
  });

  it('shows what was recorded in an interval, its start included and its end not', async () => {
    await decide(debitOf('when-1', 'when'));
    const [entry] = await entriesOf({ owner: ofKey('when') });
    const recordedAt = present(entry?.recordedAt, 'an entry has a time');
    const later = { ...recordedAt, seconds: recordedAt.seconds + 1n };
    const within = (start = recordedAt, end?: typeof later) =>
      entriesOf({ owner: ofKey('when'), interval: { start, end } });
    expect(await within()).toHaveLength(1);
    expect(await within(recordedAt, later)).toHaveLength(1);
    expect(await within(later)).toEqual([]);
    const before = { start: undefined, end: recordedAt };
    expect(await entriesOf({ owner: ofKey('when'), interval: before })).toEqual([]);
  });

  it('pages without skipping or repeating, also where times are the same', async () => {
    const ids = Array.from({ length: 25 }, (_, i) => `paged-${String(i).padStart(2, '0')}`);
    await books.decide(ids.map((id) => debitOf(id, 'paged')));
    const seen: string[] = [];
    let pageToken = '';
    do {
      const request = ledgerOf({ owner: ofKey('paged'), pageSize: 10, pageToken });
      const page = await replica.ledger.listLedger(request);
      expect(page.entries.length).toBeLessThanOrEqual(10);
      seen.push(...idsOf(page.entries));
      pageToken = page.nextPageToken;
      await decide(debitOf(`paged-later-${seen.length}`, 'paged'));
    } while (pageToken !== '');
    expect(seen).toEqual(ids.toReversed());
  });

  it('tells late debits and what expiries charged', async () => {
    const hold = holdOf('late-hold', 'late', { ttlMs: 1, onExpiry: 'charge_estimate' });
    await decide(hold);
    await eventually(
      'the expiry has charged',
      async () => (await entriesOf({ owner: ofKey('late') })).length === 1,
    );
    await decide(debitOf('late-debit', 'late', { amountNanos: 250n }, hold));
    const [late, expiry] = await entriesOf({ owner: ofKey('late') });
    expect(expiry).toMatchObject({ kind: 'expiry', amountNanos: 400n, idempotencyKey: '' });
    expect(late).toMatchObject({ kind: 'late', amountNanos: -150n, reservationId: 'late-hold' });
    expect(late?.postings).toMatchObject([{ amountNanos: -150n }]);
  });
});

describe('ListPeriods', () => {
  it('shows balances, the newest period first, in pages', async () => {
    const keys = [
      periodOf('prds'),
      periodOf('prds', FEBRUARY),
      periodOf('prds', JANUARY, 2),
      periodOf('prds-2', FEBRUARY),
    ];
    await decide(debitOf('prds-1', 'prds', { postedTo: keys }));
    await decide(holdOf('prds-hold', 'prds', { budgets: [limitOf(periodOf('prds', FEBRUARY))] }));
    await sql(`UPDATE budget_periods SET carried_in_nanos = 7
      WHERE budget_id = 'prds' AND period_start_ms = ${FEBRUARY.start}`);
    const request = { ...PAGE, pageSize: 2, budgetId: 'prds' };
    const first = await replica.ledger.listPeriods(request);
    const second = await replica.ledger.listPeriods({ ...request, pageToken: first.nextPageToken });
    const bounds = { start: toTimestamp(FEBRUARY.start), end: toTimestamp(FEBRUARY.end) };
    expect(first.periods).toMatchObject([
      { name: { generation: 2 }, postedNanos: 100n, heldNanos: 0n, carriedInNanos: 0n },
      {
        name: { budgetId: 'prds', generation: 1, interval: bounds },
        postedNanos: 100n,
        heldNanos: 400n,
        carriedInNanos: 7n,
      },
    ]);
    expect(second).toMatchObject({
      periods: [{ name: { interval: { start: toTimestamp(JANUARY.start) } } }],
      nextPageToken: '',
    });
  });

  it('is empty for a budget that nothing was posted to', async () => {
    expect(await replica.ledger.listPeriods({ ...PAGE, budgetId: 'never' })).toEqual({
      periods: [],
      nextPageToken: '',
    });
  });
});

describe('ListReservations', () => {
  it('shows those of a key and in a state, newest first, in pages', async () => {
    const holds = ['rsv-1', 'rsv-2', 'rsv-3'].map((id) => holdOf(id, 'rsv'));
    const [first] = holds;
    await decide(...holds, holdOf('rsv-4', 'rsv-other'));
    await decide(debitOf('rsv-debit', 'rsv', {}, first));
    const { ledger } = replica;
    const all = await ledger.listReservations(reservationsOf({ virtualKeyId: 'rsv' }));
    expect(idsOf(all.reservations)).toEqual(['rsv-3', 'rsv-2', 'rsv-1']);
    const held = reservationsOf({
      virtualKeyId: 'rsv',
      state: ReservationState.RESERVATION_STATE_HELD,
      pageSize: 1,
    });
    const page = await ledger.listReservations(held);
    const next = await ledger.listReservations({ ...held, pageToken: page.nextPageToken });
    expect(idsOf([...page.reservations, ...next.reservations])).toEqual(['rsv-3', 'rsv-2']);
    expect(next.nextPageToken).toBe('');
    const state = ReservationState.RESERVATION_STATE_COMMITTED;
    const settled = await ledger.listReservations(reservationsOf({ state }));
    expect(idsOf(settled.reservations)).toEqual(['rsv-1']);
  });

  it('shows what is held, where, and until when', async () => {
    await decide(holdOf('until-1', 'until'));
    const request = reservationsOf({ virtualKeyId: 'until' });
    const { reservations } = await replica.ledger.listReservations(request);
    const [reservation] = reservations;
    expect(reservation).toMatchObject({
      id: 'until-1',
      virtualKeyId: 'until',
      reservationKey: 'until-1-key',
      state: ReservationState.RESERVATION_STATE_HELD,
      amountNanos: 400n,
      chargedNanos: 0n,
      provider: 'openai',
      model: 'gpt-4o',
      heldIn: [{ budgetId: 'until-budget', generation: 1 }],
    });
    const heldFor = (expires: Reservation): bigint =>
      present(expires.expiresAt, 'it expires').seconds -
      present(expires.createdAt, 'it was made').seconds;
    expect(heldFor(present(reservation, 'a reservation'))).toBe(3_600n);
  });
});

describe('ForceRelease', () => {
  const heldOf = async (budgetId: string): Promise<bigint | undefined> =>
    (await replica.ledger.listPeriods({ ...PAGE, budgetId })).periods[0]?.heldNanos;

  it('ends a hold, charges nothing whatever its policy, and may be repeated', async () => {
    await decide(holdOf('frc-1', 'frc', { onExpiry: 'charge_estimate' }));
    expect(await heldOf('frc-budget')).toBe(400n);
    for (const _ of ['first', 'again']) {
      const answer = await replica.ledger.forceRelease({ reservationId: 'frc-1' });
      expect(answer.reservation).toMatchObject({
        id: 'frc-1',
        state: ReservationState.RESERVATION_STATE_EXPIRED,
        chargedNanos: 0n,
      });
      expect(await heldOf('frc-budget')).toBe(0n);
    }
    expect(await entriesOf({ owner: ofKey('frc') })).toEqual([]);
  });

  it('still lets the caller settle, late', async () => {
    const hold = holdOf('frc-2', 'frc-late');
    await decide(hold);
    await replica.ledger.forceRelease({ reservationId: 'frc-2' });
    expect(await decide(debitOf('frc-debit', 'frc-late', {}, hold))).toEqual(['posted']);
    expect(await entriesOf({ owner: ofKey('frc-late') })).toMatchObject([{ kind: 'late' }]);
  });

  it('is content with a hold that its caller has released', async () => {
    const hold = holdOf('frc-3', 'frc-rel');
    await decide(hold, {
      kind: 'release',
      scope: 'frc-rel',
      reservation: { kind: 'id', id: hold.id },
    });
    const { reservation } = await replica.ledger.forceRelease({ reservationId: 'frc-3' });
    expect(reservation?.state).toBe(ReservationState.RESERVATION_STATE_RELEASED);
  });

  it('refuses what was settled, and what an expiry has charged', async () => {
    const hold = holdOf('frc-4', 'frc-done');
    await decide(hold, debitOf('frc-4-debit', 'frc-done', {}, hold));
    await expect(replica.ledger.forceRelease({ reservationId: 'frc-4' })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: 'frc-4 is committed; nothing is held',
    });
    await decide(holdOf('frc-5', 'frc-charged', { ttlMs: 1, onExpiry: 'charge_estimate' }));
    await eventually(
      'the expiry has charged',
      async () => (await heldOf('frc-charged-budget')) === 0n,
    );
    await expect(replica.ledger.forceRelease({ reservationId: 'frc-5' })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: expect.stringContaining('charged 400 nano-USD'),
    });
  });

  it('names what it does not know', async () => {
    await expect(replica.ledger.forceRelease({ reservationId: 'res_x' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      message: expect.stringContaining('res_x'),
    });
  });
});

describe('AuditBudgets', () => {
  it('finds a balance that was tampered with, and is content when it is mended', async () => {
    await decide(holdOf('adt-hold', 'adt'), debitOf('adt-1', 'adt'));
    expect(await replica.ledger.auditBudgets({})).toEqual({ faults: [] });
    const add = (column: string, nanos: number): Promise<void> =>
      sql(`UPDATE budget_periods SET ${column} = ${column} + ${nanos}
        WHERE budget_id = 'adt-budget'`);
    for (const column of ['posted_nanos', 'held_nanos', 'entries']) {
      await add(column, 1);
      const { faults } = await replica.ledger.auditBudgets({});
      expect(faults).toEqual([
        expect.stringMatching(/^adt-budget generation 1, period from 2026-01/),
      ]);
      await add(column, -1);
    }
    expect(await replica.ledger.auditBudgets({})).toEqual({ faults: [] });
  });
});

describe('ListDeadLetters', () => {
  it('shows what the ledger refused, newest first, in pages', async () => {
    expect(await replica.ledger.listDeadLetters(PAGE)).toEqual({
      deadLetters: [],
      nextPageToken: '',
    });
    const letters = new PostgresDeadLetters(opened.database);
    for (const id of ['dead-1', 'dead-2']) {
      const entry = { journaledAt: JANUARY.start, item: debitOf(id, 'dead') };
      await letters.add([{ entry, reason: 'conflict' }]);
    }
    const first = await replica.ledger.listDeadLetters({ ...PAGE, pageSize: 1 });
    const { nextPageToken: pageToken } = first;
    const second = await replica.ledger.listDeadLetters({ pageSize: 1, pageToken });
    expect([...first.deadLetters, ...second.deadLetters]).toMatchObject([
      {
        id: 'dead-2',
        journaledAt: toTimestamp(JANUARY.start),
        virtualKeyId: 'dead',
        idempotencyKey: 'dead-2-key',
        amountNanos: 100n,
        provider: 'openai',
        model: 'gpt-4o',
        reason: 'conflict',
      },
      { id: 'dead-1' },
    ]);
    expect(second.nextPageToken).toBe('');
  });
});

describe('what is wrong in a request', () => {
  const BAD_IDS = ['a b', 'a\0b', 'x'.repeat(65), '\u{1f600}'];

  const refused = async (call: Promise<unknown>, ...fields: readonly string[]): Promise<void> => {
    await expect(call).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: { violations: fields.map((field) => expect.objectContaining({ field })) },
    });
  };

  it('is named, all at once', async () => {
    const { ledger } = replica;
    const far = { seconds: 1_000_000_000_000n, nanos: 0 };
    await refused(
      ledger.listLedger({
        pageSize: 1_001,
        pageToken: 'x',
        owner: { kind: OwnerKind.OWNER_KIND_UNSPECIFIED, id: 'a' },
        budgetId: 'a b',
        interval: { start: far, end: undefined },
      }),
      'page_size',
      'page_token',
      'owner.kind',
      'budget_id',
      'interval.start',
      'interval.end',
    );
    const state = 9 as ReservationState;
    await refused(
      ledger.listReservations({ pageSize: -1, pageToken: '', virtualKeyId: 'a b', state }),
      'page_size',
      'state',
      'virtual_key_id',
    );
    await refused(
      ledger.listDeadLetters({ pageSize: -1, pageToken: 'r x' }),
      'page_size',
      'page_token',
    );
    await refused(ledger.listPeriods({ ...PAGE, budgetId: '' }), 'budget_id');
    await refused(ledger.forceRelease({ reservationId: '' }), 'reservation_id');
  });

  it.each(BAD_IDS)('is an id such as %j', async (id) => {
    const { ledger } = replica;
    for (const owner of [ofKey(id), ofTeam(id), ofCustomer(id), { ...ROOT, id }])
      await refused(ledger.listLedger(ledgerOf({ owner })), 'owner.id');
    await refused(ledger.listPeriods({ ...PAGE, budgetId: id }), 'budget_id');
    await refused(ledger.forceRelease({ reservationId: id }), 'reservation_id');
  });

  it('is the token of another list', async () => {
    const { ledger } = replica;
    await decide(debitOf('tkn-1', 'tkn'), debitOf('tkn-2', 'tkn'));
    const { nextPageToken } = await ledger.listLedger(ledgerOf({ pageSize: 1 }));
    expect(nextPageToken).not.toBe('');
    const pageToken = nextPageToken;
    await refused(ledger.listReservations(reservationsOf({ pageToken })), 'page_token');
    await refused(ledger.listPeriods({ ...PAGE, budgetId: 'b', pageToken }), 'page_token');
  });

  it('is an interval that is empty', async () => {
    const at = { seconds: 1_767_225_600n, nanos: 0 };
    const interval = { start: at, end: at };
    await refused(replica.ledger.listLedger(ledgerOf({ interval })), 'interval.end');
  });
});
