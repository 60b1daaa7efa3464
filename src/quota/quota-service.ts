import type { Server, UntypedHandleCall } from '@grpc/grpc-js';
import { type QuotaServiceServer, QuotaServiceService } from '../gen/weir/v1/quota_service.js';
import type { CallObserver } from '../rpc/call-observer.js';
import { unary } from '../rpc/unary.js';
import { encodeCheckAnswer, encodeCheckResults } from './check-answer-codec.js';
import { decodeCheck, decodeCheckBatch } from './check-request-codec.js';
import type { RawCheck } from './core/calls.js';
import type { QuotaController } from './quota.controller.js';

/** The two hot messages have codecs of our own (ADR 0038); they are the same on the wire. */
const definition = {
  ...QuotaServiceService,
  checkLimit: {
    ...QuotaServiceService.checkLimit,
    requestDeserialize: decodeCheck,
    responseSerialize: encodeCheckAnswer,
  },
  batchCheckLimit: {
    ...QuotaServiceService.batchCheckLimit,
    requestDeserialize: decodeCheckBatch,
    responseSerialize: encodeCheckResults,
  },
};

/** Puts `weir.v1.QuotaService` on the server without a detour through Nest: these are the hot calls. */
export function addQuotaService(
  server: Server,
  quota: QuotaController,
  observer: CallObserver,
): void {
  server.addService(definition, {
    checkLimit: unary('CheckLimit', observer, (check: RawCheck) => quota.checkLimit(check)),
    batchCheckLimit: unary('BatchCheckLimit', observer, (checks: readonly RawCheck[]) =>
      quota.batchCheckLimit(checks),
    ),
    debitBudget: unary('DebitBudget', observer, (request) => quota.debitBudget(request)),
    batchDebitBudget: unary('BatchDebitBudget', observer, (batch) => quota.batchDebitBudget(batch)),
    extendReservation: unary('ExtendReservation', observer, (request) =>
      quota.extendReservation(request),
    ),
    releaseReservation: unary('ReleaseReservation', observer, (request) =>
      quota.releaseReservation(request),
    ),
    getUsage: unary('GetUsage', observer, (request) => quota.getUsage(request)),
  } satisfies Record<keyof QuotaServiceServer, UntypedHandleCall>);
}
