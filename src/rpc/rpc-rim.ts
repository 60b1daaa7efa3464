import { Injectable } from '@nestjs/common';
import { CallObserver } from './call-observer.js';
import { LoadGuardDriver } from './load-guard.driver.js';
import { OpenStreams } from './open-streams.js';

/** What surrounds every call: who may turn it away before it begins, who sees its end, and who ends streams. */
@Injectable()
export class RpcRim {
  constructor(
    readonly guard: LoadGuardDriver,
    readonly observer: CallObserver,
    readonly streams: OpenStreams,
  ) {}
}
