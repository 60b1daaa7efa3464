import type { Server, UntypedHandleCall } from '@grpc/grpc-js';
import { type QuotaServiceServer, QuotaServiceService } from '../gen/weir/v1/quota_service.js';
import { bidi, type StreamMethod } from '../rpc/bidi.js';
import { readMessage } from '../rpc/read-message.js';
import type { RpcRim } from '../rpc/rpc-rim.js';
import { unary, type UnaryMethod } from '../rpc/unary.js';
import { encodeCheckAnswer, encodeCheckResults } from './check-answer-codec.js';
import { decodeCheck, decodeCheckBatch } from './check-request-codec.js';
import { fromItemError } from './quota-proto.js';
import type { QuotaController } from './quota.controller.js';
import {
  decodeStreamBatch,
  encodeStreamAnswer,
  type StreamAnswer,
  type StreamBatch,
} from './stream-codec.js';

/** Read by the handler, once it is known that the call is not turned away (ADR 0042). */
const unread = (bytes: Buffer): Buffer => bytes;

/** The hot messages have codecs of our own (ADR 0038); they are the same on the wire. */
const definition = {
  ...QuotaServiceService,
  checkLimit: {
    ...QuotaServiceService.checkLimit,
    requestDeserialize: unread,
    responseSerialize: encodeCheckAnswer,
  },
  batchCheckLimit: {
    ...QuotaServiceService.batchCheckLimit,
    requestDeserialize: unread,
    responseSerialize: encodeCheckResults,
  },
  stream: {
    ...QuotaServiceService.stream,
    requestDeserialize: decodeStreamBatch,
    responseSerialize: encodeStreamAnswer,
  },
};

/** May be asked again, here or elsewhere. */
const question = (name: string): UnaryMethod => ({ name, kind: 'question' });
/** Has happened: money that was spent, a hold that is needed no more, or longer. */
const fact = (name: string): UnaryMethod => ({ name, kind: 'fact' });

const STREAM: StreamMethod<StreamBatch, StreamAnswer> = {
  name: 'Stream',
  kindOf: ({ debits }) => (debits.length > 0 ? 'fact' : 'question'),
  // Only batches with budgets or debits ever wait.
  inWorkMax: 16,
  refuse: ({ id }, error) => ({ id, checks: [], debits: [], error: fromItemError(error) }),
};

/** Puts `weir.v1.QuotaService` on the server without a detour through Nest: these are the hot calls. */
export function addQuotaService(server: Server, quota: QuotaController, rim: RpcRim): void {
  server.addService(definition, {
    checkLimit: unary(question('CheckLimit'), rim, (bytes: Buffer) =>
      quota.checkLimit(readMessage(bytes, decodeCheck)),
    ),
    batchCheckLimit: unary(question('BatchCheckLimit'), rim, (bytes: Buffer) =>
      quota.batchCheckLimit(readMessage(bytes, decodeCheckBatch)),
    ),
    debitBudget: unary(fact('DebitBudget'), rim, (request) => quota.debitBudget(request)),
    batchDebitBudget: unary(fact('BatchDebitBudget'), rim, (batch) =>
      quota.batchDebitBudget(batch),
    ),
    extendReservation: unary(fact('ExtendReservation'), rim, (request) =>
      quota.extendReservation(request),
    ),
    releaseReservation: unary(fact('ReleaseReservation'), rim, (request) =>
      quota.releaseReservation(request),
    ),
    stream: bidi<StreamBatch, StreamAnswer>(STREAM, rim, (batch) => quota.answerBatch(batch)),
    getUsage: unary(question('GetUsage'), rim, (request) => quota.getUsage(request)),
  } satisfies Record<keyof QuotaServiceServer, UntypedHandleCall>);
}
