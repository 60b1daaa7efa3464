/** The messages of `Stream`, with the checks in them as in `check-request-codec.ts` (ADR 0038). */
import {
  type DebitBudgetRequest,
  DebitBudgetResult,
  ItemError,
  StreamRequest,
} from '../gen/weir/v1/quota_service.js';
import { type CheckResult, writeCheckResults, writer } from './check-answer-codec.js';
import { readCheckStream } from './check-request-codec.js';
import type { RawCheck } from './core/calls.js';
import { toRawCheck } from './quota-proto.js';

export interface StreamBatch {
  readonly id: bigint;
  readonly checks: readonly RawCheck[];
  readonly debits: readonly DebitBudgetRequest[];
}

export interface StreamAnswer {
  readonly id: bigint;
  readonly checks: readonly CheckResult[];
  readonly debits: readonly DebitBudgetResult[];
  /** Why nothing of the batch was done. */
  readonly error?: ItemError | undefined;
}

/** A batch with debits is left to the generated decoder: what it costs is nothing beside a commit. */
export function decodeStreamBatch(bytes: Buffer): StreamBatch {
  const read = readCheckStream(bytes);
  if (read !== undefined) return { ...read, debits: [] };
  const { id, checks, debits } = StreamRequest.decode(bytes);
  return { id, checks: checks.map(toRawCheck), debits };
}

export function encodeStreamAnswer({ id, checks, debits, error }: StreamAnswer): Buffer {
  writer.begin();
  if (error !== undefined) writeEncoded(4, ItemError.encode(error).finish());
  for (let i = debits.length - 1; i >= 0; i--) {
    const debit = debits[i];
    if (debit !== undefined) writeEncoded(3, DebitBudgetResult.encode(debit).finish());
  }
  writeCheckResults(2, checks);
  writer.int64(1, id);
  return writer.finish();
}

function writeEncoded(field: number, bytes: Uint8Array): void {
  const before = writer.written;
  writer.encoded(bytes);
  writer.message(field, before);
}
