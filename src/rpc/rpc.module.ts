import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { CallObserver } from './call-observer.js';
import { RpcInterceptor } from './rpc-interceptor.js';

@Global()
@Module({
  providers: [CallObserver, { provide: APP_INTERCEPTOR, useClass: RpcInterceptor }],
  exports: [CallObserver],
})
export class RpcModule {}
