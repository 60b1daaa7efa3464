import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import type { CallObserver } from './call-observer.js';

/**
 * A handler for the grpc-js server itself. Nest's controllers cost a call about 15 % more CPU, and a
 * promise costs another turn of the loop: a handler that can answer at once does, synchronously.
 */
export function unary<Request, Response>(
  method: string,
  observer: CallObserver,
  handle: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const startedAt = performance.now();
    try {
      const answer = handle(call.request);
      if (answer instanceof Promise)
        void settle(answer, { method, observer, startedAt, call, callback });
      else {
        callback(null, answer);
        observer.succeeded(method, startedAt);
      }
    } catch (error) {
      callback(observer.failed(method, startedAt, error, call.metadata));
    }
  };
}

interface PendingCall<Request, Response> {
  readonly method: string;
  readonly observer: CallObserver;
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
