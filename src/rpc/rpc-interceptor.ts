import type { Metadata } from '@grpc/grpc-js';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { catchError, type Observable, tap, throwError } from 'rxjs';
import { CallObserver } from './call-observer.js';

/** For Nest's controllers, what `unary` is for the direct services: counts calls and maps errors. */
@Injectable()
export class RpcInterceptor implements NestInterceptor {
  constructor(private readonly observer: CallObserver) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'rpc') return next.handle();
    const startedAt = performance.now();
    const method = methodName(context.getHandler().name);
    const metadata = context.switchToRpc().getContext<Metadata>();
    return next.handle().pipe(
      tap({ complete: () => this.observer.succeeded(method, startedAt) }),
      catchError((error: unknown) =>
        throwError(
          () => new RpcException(this.observer.failed(method, startedAt, error, metadata)),
        ),
      ),
    );
  }
}

/** Handlers are named as TypeScript has it, methods as the proto file does: `GetLimit`. */
const methodName = (handler: string): string => handler.charAt(0).toUpperCase() + handler.slice(1);
