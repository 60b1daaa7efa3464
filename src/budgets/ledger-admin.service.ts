import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/domain-error.js';
import { BudgetLedger } from './budget-ledger.js';
import { BudgetsService } from './budgets.service.js';
import { type EndedReservation, LedgerReader, type ReservationRecord } from './ledger-reader.js';

/** So many faults are told one by one; whoever has more knows enough. */
const FAULTS_MAX = 1_000;

/** What only an operator does to the ledger. */
@Injectable()
export class LedgerAdminService {
  constructor(
    private readonly reader: LedgerReader,
    private readonly ledger: BudgetLedger,
    private readonly budgets: BudgetsService,
  ) {}

  /**
   * Ends a hold whose caller will not. One that is over already and has charged nothing is as good, so
   * that a repeated call succeeds.
   *
   * @throws DomainError `NOT_FOUND`, `FAILED_PRECONDITION` if it was settled or charged before, `UNAVAILABLE`
   * if the replica that keeps it does not answer.
   */
  async forceRelease(reservationId: string): Promise<EndedReservation> {
    const after = (await this.endLimits(reservationId)) ?? (await this.endHold(reservationId));
    const { state, chargedNanos } = after;
    if (state === 'released' || (state === 'expired' && chargedNanos === 0n)) return after;
    throw new DomainError('FAILED_PRECONDITION', `${reservationId} ${whatHappened(after)}`);
  }

  /** One sentence for each balance that is not the sum of what it stands for. */
  async audit(): Promise<readonly string[]> {
    const faults = await this.ledger.audit();
    const told = faults.slice(0, FAULTS_MAX).map(({ description }) => description);
    const more = faults.length - told.length;
    return more === 0 ? told : [...told, `and ${more} more`];
  }

  /** One that holds no money is in the memory of some replica; its id says so, the ledger is not asked. */
  private async endLimits(reservationId: string): Promise<EndedReservation | undefined> {
    const ended = await this.budgets.forceReleaseOfLimits(reservationId);
    if (ended === undefined) return undefined;
    const notKept = { provider: '', model: '', createdAt: undefined };
    return { ...ended, virtualKeyId: ended.scope, ...notKept };
  }

  private async endHold(reservationId: string): Promise<EndedReservation> {
    const { scope } = await this.find(reservationId);
    await this.budgets.forceRelease({ scope, reservationId });
    return this.find(reservationId);
  }

  private async find(id: string): Promise<ReservationRecord> {
    const found = await this.reader.findReservation(id);
    if (found !== undefined) return found;
    throw new DomainError('NOT_FOUND', `reservation ${id} does not exist`, {
      violations: [{ field: 'reservation_id', description: 'is unknown' }],
    });
  }
}

const whatHappened = ({ state, chargedNanos }: EndedReservation): string =>
  state === 'expired'
    ? `has expired, which charged ${chargedNanos} nano-USD; nothing is held`
    : `is ${state}; nothing is held`;
