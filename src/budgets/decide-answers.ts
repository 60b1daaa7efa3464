import { assert, present } from '../common/assert.js';
import { type WallMs, wallMs } from '../common/time.js';
import type {
  BudgetLevel,
  Crossing,
  Hold,
  LedgerAnswer,
  LedgerItem,
  PostDebit,
  ReservationFacts,
  ReservationState,
} from './core/ledger-item.js';
import type { Debit } from './core/ledger-model.js';
import type { DecideColumns } from './decide-columns.js';
import {
  type CrossingJson,
  type FactsJson,
  type PeriodJson,
  readCrossing,
  readFacts,
  readPeriod,
} from './facts-json.js';

/** The row that `weir_decide_group` answers with: lists of numbers as text, and JSON where it is rare. */
export interface DecidedRow {
  readonly decided_ms: string;
  readonly codes: string;
  readonly posted: string;
  readonly held: string;
  readonly places: string;
  readonly extra: string;
  readonly refused: string | null;
  readonly overages: string | null;
  readonly crossed: readonly (CrossingJson & { readonly item: number })[] | null;
  readonly debit_facts: readonly DebitFactsRow[] | null;
  readonly reservation_facts: readonly ReservationFactsRow[] | null;
  readonly frees_at: Readonly<Record<string, number>> | null;
}

interface DebitFactsRow {
  readonly item: number;
  readonly is_same: boolean;
  readonly facts: FactsJson & { readonly isLate: boolean; readonly overageNanos: string };
}

interface ReservationFactsRow {
  readonly item: number;
  readonly facts: {
    readonly id: string;
    readonly scope: string;
    readonly key: string;
    readonly state: ReservationState;
    readonly amountNanos: string;
    readonly chargedNanos: string;
    readonly expiresAtMs: number;
    readonly takes: string;
    readonly heldIn: readonly PeriodJson[];
  };
}

/** The codes of the function, in their order. */
const CODES = [
  'none',
  'held',
  'denied',
  'posted',
  'late',
  'released',
  'extended',
  'expired',
  'replayed',
  'conflict',
  'unknown',
  'ended',
] as const;

type Code = (typeof CODES)[number];

const NOTHING_CROSSED: readonly Crossing[] = [];

export function decideAnswers(
  items: readonly LedgerItem[],
  columns: DecideColumns,
  row: DecidedRow,
): readonly LedgerAnswer[] {
  const reader = new DecidedReader(columns, row);
  const codes = numbers(row.codes).map((code) => CODES[code]);
  return items.map((item, i) => reader.answer(item, i, codes[i] ?? 'none'));
}

class DecidedReader {
  private readonly decidedAt: WallMs;
  private readonly posted: readonly string[];
  private readonly held: readonly string[];
  private readonly places: readonly number[];
  private readonly extra: readonly string[];
  private readonly refused: ReadonlySet<number>;
  private readonly overages: readonly string[];
  private readonly debits: ReadonlyMap<number, DebitFactsRow>;
  private readonly reservations: ReadonlyMap<number, ReservationFacts>;

  constructor(
    private readonly columns: DecideColumns,
    private readonly row: DecidedRow,
  ) {
    this.decidedAt = wallMs(Number(row.decided_ms));
    this.posted = words(row.posted);
    this.held = words(row.held);
    this.places = numbers(row.places);
    this.extra = words(row.extra);
    this.refused = new Set(numbers(row.refused ?? '').map((ordinal) => ordinal - 1));
    this.overages = words(row.overages ?? '');
    this.debits = new Map(row.debit_facts?.map((facts) => [facts.item - 1, facts]));
    this.reservations = new Map(
      row.reservation_facts?.map(({ item, facts }) => [item - 1, readReservation(facts)]),
    );
  }

  answer(item: LedgerItem, i: number, code: Code): LedgerAnswer {
    switch (code) {
      case 'held':
        assert(item.kind === 'hold', 'only holds are held');
        return {
          kind: 'held',
          isReplayed: false,
          reservation: this.made(item),
          levels: this.levels(i),
        };
      case 'denied':
        return this.denied(i);
      case 'posted':
      case 'late':
        assert(item.kind === 'debit', 'only debits are posted');
        return this.postedNow(item, i, code === 'late');
      case 'replayed':
        return item.kind === 'debit' ? this.postedBefore(i) : this.heldBefore(i);
      case 'released':
      case 'extended':
      case 'expired':
      case 'ended':
        return { kind: code, reservation: this.reservation(i) };
      case 'conflict':
      case 'unknown':
        return { kind: code };
      case 'none':
        throw new Error(`the ledger did not decide item ${i}`);
    }
  }

  private levels(i: number): readonly BudgetLevel[] {
    const { from, to } = present(this.columns.ranges[i], 'every item has a range');
    const levels: BudgetLevel[] = [];
    for (let j = from; j < to; j++) {
      const key = present(this.columns.periods[j], 'every posting has a period');
      const extra = this.extra[(this.places[this.columns.views[j] ?? 0] ?? 0) - 1];
      levels.push({
        key,
        postedNanos: BigInt(this.posted[j] ?? 0),
        heldNanos: BigInt(this.held[j] ?? 0),
        extraNanos: BigInt(extra ?? 0),
      });
    }
    return levels;
  }

  private made(hold: Hold): ReservationFacts {
    return {
      id: hold.id,
      scope: hold.scope,
      reservationKey: hold.reservationKey,
      state: 'held',
      amountNanos: hold.amountNanos,
      chargedNanos: 0n,
      expiresAt: wallMs(this.decidedAt + hold.ttlMs),
      heldIn: hold.budgets.map(({ key }) => key),
      takes: hold.takes,
    };
  }

  private denied(i: number): LedgerAnswer {
    const { from, to } = present(this.columns.ranges[i], 'every item has a range');
    const refusedBy = Array.from({ length: to - from }, (_, j) => j).filter((j) =>
      this.refused.has(from + j),
    );
    const ends = refusedBy.flatMap((j) => {
      const budgetId = this.columns.periods[from + j]?.budgetId ?? '';
      const at = this.row.frees_at?.[budgetId];
      return at === undefined ? [] : [at];
    });
    const freesAt = ends.length === 0 ? undefined : wallMs(Math.min(...ends));
    return { kind: 'denied', levels: this.levels(i), refusedBy, freesAt };
  }

  private postedNow({ debit }: PostDebit, i: number, isLate: boolean): LedgerAnswer {
    const moved = this.debits.get(i);
    const { facts, balances, crossed } =
      moved === undefined ? this.postedAsAsked(debit, i) : readFacts(moved.facts);
    return {
      kind: 'posted',
      isReplayed: false,
      isLate,
      overageNanos: BigInt(this.overages[i] ?? 0),
      facts,
      balances,
      crossed,
      takes: this.reservations.get(i)?.takes ?? '',
    };
  }

  private postedAsAsked(debit: Debit, i: number): ReturnType<typeof readFacts> {
    const { id, amountNanos, priceId, priceRevision, postedTo } = debit;
    const recordedAt = this.decidedAt;
    const facts = { id, amountNanos, priceId, priceRevision, recordedAt, postedTo };
    return { facts, balances: this.levels(i), crossed: this.crossed(i) };
  }

  private crossed(i: number): readonly Crossing[] {
    const { crossed } = this.row;
    if (crossed === null) return NOTHING_CROSSED;
    return crossed.filter(({ item }) => item - 1 === i).map(readCrossing);
  }

  private postedBefore(i: number): LedgerAnswer {
    const { is_same: isSame, facts } = present(this.debits.get(i), 'a used key has an entry');
    if (!isSame) return { kind: 'conflict' };
    const { isLate, overageNanos } = facts;
    const rest = { isLate, overageNanos: BigInt(overageNanos), takes: '' };
    return { kind: 'posted', isReplayed: true, ...rest, ...readFacts(facts) };
  }

  private heldBefore(i: number): LedgerAnswer {
    const reservation = this.reservation(i);
    return { kind: 'held', isReplayed: true, reservation, levels: this.levels(i) };
  }

  private reservation(i: number): ReservationFacts {
    return present(this.reservations.get(i), 'an item that refers to a reservation knows it');
  }
}

function readReservation(facts: ReservationFactsRow['facts']): ReservationFacts {
  return {
    id: facts.id,
    scope: facts.scope,
    reservationKey: facts.key,
    state: facts.state,
    amountNanos: BigInt(facts.amountNanos),
    chargedNanos: BigInt(facts.chargedNanos),
    expiresAt: wallMs(facts.expiresAtMs),
    heldIn: facts.heldIn.map(readPeriod),
    takes: facts.takes,
  };
}

const words = (text: string): readonly string[] => (text === '' ? [] : text.split(' '));

const numbers = (text: string): readonly number[] => words(text).map(Number);
