import { Controller } from '@nestjs/common';
import * as proto from '../gen/weir/v1/ledger_service.js';
import { DeadLetters } from './journal/dead-letters.js';
import { LedgerAdminService } from './ledger-admin.service.js';
import {
  cutLedgerPage,
  deadLetterPlaces,
  entryPlaces,
  periodPlaces,
  reservationPlaces,
  withOneMore,
  writeToken,
} from './ledger-page.js';
import { fromDeadLetter, fromEntry, fromPeriod, fromReservation } from './ledger-proto.js';
import { LedgerReader } from './ledger-reader.js';
import {
  deadLetterPage,
  entryQuery,
  periodQuery,
  requireId,
  reservationQuery,
} from './ledger-requests.js';

/** `weir.v1.LedgerService`: messages in, records out. */
@Controller()
@proto.LedgerServiceControllerMethods()
export class LedgerController implements proto.LedgerServiceController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly admin: LedgerAdminService,
    private readonly deadLetters: DeadLetters,
  ) {}

  async listLedger(request: proto.ListLedgerRequest): Promise<proto.ListLedgerResponse> {
    const { filter, page } = entryQuery(request);
    const found = await this.reader.listEntries(filter, withOneMore(page));
    const { records, nextPageToken } = cutLedgerPage(found, page, entryPlaces);
    return { entries: records.map(fromEntry), nextPageToken };
  }

  async listPeriods(request: proto.ListPeriodsRequest): Promise<proto.ListPeriodsResponse> {
    const { filter, page } = periodQuery(request);
    const found = await this.reader.listPeriods(filter, withOneMore(page));
    const { records, nextPageToken } = cutLedgerPage(found, page, periodPlaces);
    return { periods: records.map(fromPeriod), nextPageToken };
  }

  async listReservations(
    request: proto.ListReservationsRequest,
  ): Promise<proto.ListReservationsResponse> {
    const { filter, page } = reservationQuery(request);
    const found = await this.reader.listReservations(filter, withOneMore(page));
    const { records, nextPageToken } = cutLedgerPage(found, page, reservationPlaces);
    return { reservations: records.map(fromReservation), nextPageToken };
  }

  async forceRelease({
    reservationId,
  }: proto.ForceReleaseRequest): Promise<proto.ForceReleaseResponse> {
    const id = requireId(reservationId, 'reservation_id');
    return { reservation: fromReservation(await this.admin.forceRelease(id)) };
  }

  async auditBudgets(): Promise<proto.AuditBudgetsResponse> {
    return { faults: [...(await this.admin.audit())] };
  }

  async listDeadLetters(
    request: proto.ListDeadLettersRequest,
  ): Promise<proto.ListDeadLettersResponse> {
    const { size, after } = deadLetterPage(request);
    const { letters, next } = await this.deadLetters.list(size, after);
    const nextPageToken = next === undefined ? '' : writeToken(deadLetterPlaces.write(next));
    return { deadLetters: letters.map(fromDeadLetter), nextPageToken };
  }
}
