import { Controller } from '@nestjs/common';
import { DomainError } from '../common/domain-error.js';
import * as proto from '../gen/weir/v1/ledger_service.js';
import { LedgerAdminService } from './ledger-admin.service.js';
import {
  cutLedgerPage,
  entryPlaces,
  periodPlaces,
  reservationPlaces,
  withOneMore,
} from './ledger-page.js';
import { fromEntry, fromPeriod, fromReservation } from './ledger-proto.js';
import { LedgerReader } from './ledger-reader.js';
import { entryQuery, periodQuery, requireId, reservationQuery } from './ledger-requests.js';

/** `weir.v1.LedgerService`: messages in, records out. */
@Controller()
@proto.LedgerServiceControllerMethods()
export class LedgerController implements proto.LedgerServiceController {
  constructor(
    private readonly reader: LedgerReader,
    private readonly admin: LedgerAdminService,
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

  listDeadLetters(): Promise<proto.ListDeadLettersResponse> {
    return Promise.reject(
      new DomainError('UNIMPLEMENTED', 'this version keeps no journal, so that no debit dies'),
    );
  }
}
