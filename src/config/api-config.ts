import { FlagKnob } from './knob.js';

/** Who may use the API. */
export class ApiConfig {
  /** Allows to listen beyond this machine although nobody is asked who they are. Default false. */
  @FlagKnob({
    effect:
      'Allows grpc.host and http.host beyond this machine although the API asks nobody who they are.',
  })
  readonly allowUnauthenticatedRemoteAccess: boolean = false;
}
