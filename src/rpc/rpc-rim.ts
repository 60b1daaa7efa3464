import { Injectable } from '@nestjs/common';
import { CallObserver } from './call-observer.js';
import { LoadGuardDriver } from './load-guard.driver.js';

/** What surrounds every call: who may turn it away before it begins, and who sees its end. */
@Injectable()
export class RpcRim {
  constructor(
    readonly guard: LoadGuardDriver,
    readonly observer: CallObserver,
  ) {}
}
