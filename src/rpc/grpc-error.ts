import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { DomainError } from '../common/domain-error.js';
import { BadRequest, RetryInfo, Status } from '../gen/google/rpc/status.js';
import { grpcStatus } from './grpc-status.js';
import { toDuration } from './proto-time.js';

const STATUS_DETAILS = 'grpc-status-details-bin';

/** What of an error a client may see. `unexpected`: it is ours to mend, and must be logged in full. */
export interface ClientError extends StatusObject {
  readonly unexpected: boolean;
}

/**
 * Turns whatever was thrown into a status. The message of an error of our own making is kept from the
 * client: it may name tables, files or worse. The request id leads from the answer to the log line.
 */
export function toClientError(error: unknown, requestId: string): ClientError {
  const metadata = new Metadata();
  metadata.set('x-request-id', requestId);
  if (!(error instanceof DomainError)) {
    const details = `internal error; the log has it under request id ${requestId}`;
    return { code: status.INTERNAL, details, metadata, unexpected: true };
  }
  const code = grpcStatus[error.code];
  metadata.set(STATUS_DETAILS, detailsOf(code, error));
  return { code, details: error.message, metadata, unexpected: false };
}

/** An overloaded replica gives one error again and again, and has no time to encode it each time. */
let last: { readonly error: DomainError; readonly details: Buffer } | undefined;

function detailsOf(code: status, error: DomainError): Buffer {
  if (last?.error !== error) last = { error, details: encodeDetails(code, error) };
  return last.details;
}

function encodeDetails(code: status, error: DomainError): Buffer {
  const { violations, retryAfterMs } = error.details;
  const details: { typeUrl: string; value: Buffer }[] = [];
  if (violations !== undefined && violations.length > 0) {
    const value = BadRequest.encode({ fieldViolations: [...violations] }).finish();
    details.push(any('google.rpc.BadRequest', value));
  }
  if (retryAfterMs !== undefined) {
    const value = RetryInfo.encode({ retryDelay: toDuration(retryAfterMs) }).finish();
    details.push(any('google.rpc.RetryInfo', value));
  }
  return Buffer.from(Status.encode({ code, message: error.message, details }).finish());
}

const any = (type: string, value: Uint8Array): { typeUrl: string; value: Buffer } => ({
  typeUrl: `type.googleapis.com/${type}`,
  value: Buffer.from(value),
});
