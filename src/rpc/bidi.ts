import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { DomainError } from '../common/domain-error.js';
import type { CallKind } from './core/load-guard.js';
import type { Drainable } from './open-streams.js';
import type { RpcRim } from './rpc-rim.js';

export interface StreamMethod<Request, Response> {
  readonly name: string;
  /** Decides how late this process may be before the request is turned away. */
  kindOf(request: Request): CallKind;
  /** Requests of one stream that may be in work at once. */
  readonly inWorkMax: number;
  /** The response to a request that was turned away. */
  refuse(request: Request, error: DomainError): Response;
}

/** One response for each request. What it throws ends the stream. */
type Answer<Request, Response> = (request: Request) => Response | Promise<Response>;

/** A handler for the grpc-js server: a stream of requests, each with one response, sent when it is ready. */
export function bidi<Request, Response>(
  method: StreamMethod<Request, Response>,
  rim: RpcRim,
  answer: Answer<Request, Response>,
): handleBidiStreamingCall<Request, Response> {
  return (call) => new AnsweredStream(call, method, rim, answer).begin();
}

/**
 * Reads on only while the caller reads, too, and while there is little in work: whoever sends faster
 * than it reads is stopped by the flow control of HTTP/2, and costs a bounded amount of memory.
 */
class AnsweredStream<Request, Response> implements Drainable {
  private inWork = 0;
  /** The caller does not read what was written. */
  private isBlocked = false;
  /** The caller has sent all that it wanted to. */
  private hasEnded = false;
  private isDraining = false;
  /** Nothing more is read or written. */
  private isOver = false;

  constructor(
    private readonly call: ServerDuplexStream<Request, Response>,
    private readonly method: StreamMethod<Request, Response>,
    private readonly rim: RpcRim,
    private readonly answer: Answer<Request, Response>,
  ) {}

  begin(): void {
    const { call } = this;
    call.on('data', (request: Request) => this.take(request));
    call.on('drain', () => {
      this.isBlocked = false;
      this.regulate();
    });
    call.on('end', () => {
      this.hasEnded = true;
      this.endIfDone();
    });
    // Also when the deadline has passed, or the connection is lost. What is in work goes on, unheard.
    call.on('cancelled', () => this.leave());
    this.rim.streams.add(this);
  }

  drain(): void {
    this.isDraining = true;
    this.regulate();
    this.endIfDone();
  }

  private take(request: Request): void {
    if (this.isOver) return;
    const startedAt = performance.now();
    this.inWork += 1;
    try {
      const answer = this.refusal(request) ?? this.answer(request);
      if (answer instanceof Promise) void this.sendLater(answer, startedAt);
      else this.send(answer, startedAt);
    } catch (error) {
      this.fail(error, startedAt);
    }
    this.regulate();
  }

  private refusal(request: Request): Response | undefined {
    const { call, method, rim } = this;
    const error = rim.guard.turnAway(method.name, method.kindOf(request), call.getDeadline());
    return error === undefined ? undefined : method.refuse(request, error);
  }

  private async sendLater(answer: Promise<Response>, startedAt: number): Promise<void> {
    try {
      this.send(await answer, startedAt);
    } catch (error) {
      this.fail(error, startedAt);
    }
  }

  private send(response: Response, startedAt: number): void {
    this.inWork -= 1;
    this.rim.observer.succeeded(this.method.name, startedAt);
    if (this.isOver) return;
    if (!this.call.write(response)) this.isBlocked = true;
    this.regulate();
    this.endIfDone();
  }

  /** Of the stream as a whole: a request that is wrong has a response that says so. */
  private fail(error: unknown, startedAt: number): void {
    const { call, method, rim } = this;
    const status = rim.observer.failed(method.name, startedAt, error, call.metadata);
    if (this.isOver) return;
    this.leave();
    call.emit('error', status);
  }

  private regulate(): void {
    if (this.isOver) return;
    const { call, inWork, method } = this;
    if (this.isBlocked || this.isDraining || inWork >= method.inWorkMax) call.pause();
    else if (call.isPaused()) call.resume();
  }

  private endIfDone(): void {
    if (this.isOver || this.inWork > 0) return;
    if (this.hasEnded) {
      this.leave();
      this.call.end();
    } else if (this.isDraining) this.fail(stopping(), performance.now());
  }

  private leave(): void {
    this.isOver = true;
    this.rim.streams.remove(this);
  }
}

function stopping(): DomainError {
  const message =
    'this replica is stopping; send what has no response to another one, nothing of it was done';
  return new DomainError('UNAVAILABLE', message);
}
