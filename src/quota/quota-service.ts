import type { Server } from '@grpc/grpc-js';
import { type QuotaServiceServer, QuotaServiceService } from '../gen/weir/v1/quota_service.js';
import type { CallObserver } from '../rpc/call-observer.js';
import { unary } from '../rpc/unary.js';
import type { QuotaController } from './quota.controller.js';

/** Puts `weir.v1.QuotaService` on the server without a detour through Nest: these are the hot calls. */
export function addQuotaService(
  server: Server,
  quota: QuotaController,
  observer: CallObserver,
): void {
  server.addService(QuotaServiceService, {
    checkLimit: unary('CheckLimit', observer, (request) => quota.checkLimit(request)),
    batchCheckLimit: unary('BatchCheckLimit', observer, (batch) => quota.batchCheckLimit(batch)),
    debitBudget: unary('DebitBudget', observer, (request) => quota.debitBudget(request)),
    batchDebitBudget: unary('BatchDebitBudget', observer, (batch) => quota.batchDebitBudget(batch)),
    extendReservation: unary('ExtendReservation', observer, (request) =>
      quota.extendReservation(request),
    ),
    releaseReservation: unary('ReleaseReservation', observer, (request) =>
      quota.releaseReservation(request),
    ),
    getUsage: unary('GetUsage', observer, (request) => quota.getUsage(request)),
  } satisfies QuotaServiceServer);
}
