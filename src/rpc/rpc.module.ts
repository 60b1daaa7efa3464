import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { CallObserver } from './call-observer.js';
import { LoadGuardDriver } from './load-guard.driver.js';
import { OpenStreams } from './open-streams.js';
import { RpcInterceptor } from './rpc-interceptor.js';
import { RpcRim } from './rpc-rim.js';

@Global()
@Module({
  providers: [
    CallObserver,
    LoadGuardDriver,
    OpenStreams,
    RpcRim,
    { provide: APP_INTERCEPTOR, useClass: RpcInterceptor },
  ],
  exports: [CallObserver, RpcRim],
})
export class RpcModule {}
