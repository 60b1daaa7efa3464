import { Block, HostKnob, IntegerKnob, TextKnob } from './knob.js';

/** Certificates between replicas; all three or none. */
export class ClusterTlsConfig {
  /** PEM file of this replica's certificate. */
  @TextKnob({ unit: 'path', effect: 'PEM file with the certificate of this replica.' })
  readonly certFile?: string;

  /** PEM file of its key. */
  @TextKnob({ unit: 'path', effect: 'PEM file with the key of that certificate.' })
  readonly keyFile?: string;

  /** PEM file of the authorities that peers' certificates must come from. */
  @TextKnob({
    unit: 'path',
    effect: "PEM file of the authorities that sign the replicas' certificates, and no others.",
  })
  readonly caFile?: string;
}

/** The streams over which replicas tell each other counts. */
export class ClusterGrpcConfig {
  /** Address to bind. Default 0.0.0.0. */
  @HostKnob({
    unit: 'IP address or host name',
    effect: 'Address on which this replica listens for its peers.',
  })
  readonly host: string = '0.0.0.0';

  /** TCP port; 0 takes any free one. Default 10102. */
  @IntegerKnob({
    unit: 'TCP port',
    min: 0,
    max: 65_535,
    effect: 'Port on which this replica listens for its peers; 0 takes any free one.',
  })
  readonly port: number = 10_102;

  /** Seconds for a connection to come up. Default 5. */
  @IntegerKnob({
    unit: 'seconds',
    min: 1,
    max: 600,
    effect: 'How long a connection to a peer may take to come up.',
  })
  readonly dialTimeoutSeconds: number = 5;

  @Block(ClusterTlsConfig)
  readonly tls: ClusterTlsConfig = new ClusterTlsConfig();
}
