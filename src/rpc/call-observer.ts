import { randomUUID } from 'node:crypto';
import { type Metadata, status } from '@grpc/grpc-js';
import { Injectable } from '@nestjs/common';
import { Log } from '../common/log.js';
import { type ClientError, toClientError } from './grpc-error.js';
import { RpcStats } from './rpc-stats.js';

/** Request ids that a caller may choose; anything else is replaced, so that no log line can be forged. */
const REQUEST_ID = /^[\w.:-]{1,64}$/;

/** Sees the end of every call: counts it, and logs those that failed for a reason of our own. */
@Injectable()
export class CallObserver {
  readonly stats = new RpcStats();

  constructor(private readonly log: Log) {}

  succeeded(method: string, startedAt: number): void {
    this.stats.record(method, status.OK, secondsSince(startedAt));
  }

  failed(method: string, startedAt: number, error: unknown, metadata: Metadata): ClientError {
    const requestId = requestIdOf(metadata);
    const answer = toClientError(error, requestId);
    this.stats.record(method, answer.code, secondsSince(startedAt));
    if (answer.unexpected) this.log.error({ err: error, method, requestId }, 'call failed');
    else
      this.log.debug({ method, requestId, code: answer.code, reason: answer.details }, 'refused');
    return answer;
  }
}

const secondsSince = (startedAt: number): number => (performance.now() - startedAt) / 1_000;

function requestIdOf(metadata: Metadata): string {
  const [given] = metadata.get('x-request-id');
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
