import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { CallKind } from './core/load-guard.js';
import type { RpcRim } from './rpc-rim.js';

export interface UnaryMethod {
  readonly name: string;
  /** Decides how late this process may be before the method is turned away. */
  readonly kind: CallKind;
}

/**
 * A handler for the grpc-js server itself. Nest's controllers cost a call about 15 % more CPU, and a
 * promise costs another turn of the loop: a handler that can answer at once does, synchronously.
 */
export function unary<Request, Response>(
  { name, kind }: UnaryMethod,
  { guard, observer }: RpcRim,
  handle: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const startedAt = performance.now();
    try {
      const refusal = guard.turnAway(name, kind, call.getDeadline());
      if (refusal !== undefined) throw refusal;
      const answer = handle(call.request);
      if (answer instanceof Promise)
        void settle(answer, { method: name, observer, startedAt, call, callback });
      else {
        callback(null, answer);
        observer.succeeded(name, startedAt);
      }
    } catch (error) {
      callback(observer.failed(name, startedAt, error, call.metadata));
    }
  };
}

interface PendingCall<Request, Response> {
  readonly method: string;
  readonly observer: RpcRim['observer'];
  readonly startedAt: number;
  readonly call: ServerUnaryCall<Request, Response>;
  readonly callback: sendUnaryData<Response>;
}

async function settle<Request, Response>(
  answer: Promise<Response>,
  pending: PendingCall<Request, Response>,
): Promise<void> {
  const { method, observer, startedAt, call, callback } = pending;
  try {
    callback(null, await answer);
    observer.succeeded(method, startedAt);
  } catch (error) {
    callback(observer.failed(method, startedAt, error, call.metadata));
  }
}
