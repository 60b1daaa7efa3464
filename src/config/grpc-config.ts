import { HostKnob, IntegerKnob } from './knob.js';

/** The server that gateways and the command line talk to. */
export class GrpcConfig {
  /** Address to bind. Default 127.0.0.1: callers on this machine only. */
  @HostKnob({
    unit: 'IP address or host name',
    effect: 'Address on which the gRPC API listens.',
  })
  readonly host: string = '127.0.0.1';

  /** TCP port; 0 takes any free one. Default 50051. */
  @IntegerKnob({
    unit: 'TCP port',
    min: 0,
    max: 65_535,
    effect: 'Port on which the gRPC API listens; 0 takes any free one.',
  })
  readonly port: number = 50_051;

  /** Bytes of one message in either direction. Default 4 MiB. */
  @IntegerKnob({
    unit: 'bytes',
    min: 1024,
    max: 67_108_864,
    effect: 'A longer message is refused with RESOURCE_EXHAUSTED before it is decoded.',
  })
  readonly maxMessageBytes: number = 4_194_304;

  /** Calls in flight on one connection. Default 100. */
  @IntegerKnob({
    unit: 'streams per connection',
    min: 1,
    max: 100_000,
    effect: 'Further calls on the same connection wait in the client.',
  })
  readonly maxConcurrentStreams: number = 100;

  /** Megabytes that one connection may hold in buffers. Default 10. */
  @IntegerKnob({
    unit: 'megabytes per connection',
    min: 1,
    max: 1024,
    effect: 'A client that does not read its answers is cut off instead of filling the memory.',
  })
  readonly maxSessionMemoryMegabytes: number = 10;
}
