import { HostKnob, IntegerKnob } from './knob.js';

/** The server for probes and metrics. */
export class HttpConfig {
  /** Address to bind. Default 127.0.0.1: callers on this machine only. */
  @HostKnob({
    unit: 'IP address or host name',
    effect: 'Address on which health checks and metrics are served.',
  })
  readonly host: string = '127.0.0.1';

  /** TCP port; 0 takes any free one. Default 8080. */
  @IntegerKnob({
    unit: 'TCP port',
    min: 0,
    max: 65_535,
    effect: 'Port of /health, /health/live, /health/ready and /metrics; 0 takes any free one.',
  })
  readonly port: number = 8080;
}
