import { GossipTimingsConfig } from './gossip-timings-config.js';
import {
  Block,
  ChoiceKnob,
  FlagKnob,
  HostKnob,
  IntegerKnob,
  ListKnob,
  SecretListKnob,
  TextKnob,
} from './knob.js';
import type { Secret } from './secret.js';

export type GossipPresetName = 'lan' | 'wan' | 'local';

/** Three numbers from which the others follow. Where one is absent, the preset decides. */
export class GossipHealthConfig {
  /** Seconds t: a probe each t/10, with a time-out of t/20. Default: the preset's. */
  @IntegerKnob({
    unit: 'seconds',
    min: 1,
    max: 600,
    effect:
      'Probes each tenth of it, with a time-out of a twentieth. Without it by preset, 10 in lan.',
  })
  readonly timeoutSeconds?: number;

  /** Good probes before a returned member is routed to. Default: the preset's. */
  @IntegerKnob({
    unit: 'probes',
    min: 1,
    max: 1000,
    effect: 'Good probes before a returned replica is routed to again. Without it by preset: 3.',
  })
  readonly successThreshold?: number;

  /** The suspicion multiplier. Default: the preset's, 4 in lan. */
  @IntegerKnob({
    unit: 'probe intervals',
    min: 1,
    max: 1000,
    effect:
      'Probe intervals that a suspect has to object, at least. Without it by preset, 4 in lan.',
  })
  readonly failureThreshold?: number;
}

/** Who is a replica, and alive. */
export class GossipConfig {
  /** UDP and TCP; 0 takes any free one. Default 7946. */
  @IntegerKnob({
    unit: 'UDP and TCP port',
    min: 0,
    max: 65_535,
    effect: 'Port of the gossip, over UDP and TCP; 0 takes any free one.',
  })
  readonly port: number = 7946;

  /** Address to bind. Default 0.0.0.0. */
  @HostKnob({ unit: 'IP address', effect: 'Address on which the gossip listens.' })
  readonly bindHost: string = '0.0.0.0';

  /** What others are told. Default: the bound address, or the first private one of this host. */
  @HostKnob({
    unit: 'IP address',
    effect: 'Address that others are told; without it, the bound or first private one.',
  })
  readonly advertiseHost?: string;

  /** What others are told. Default: the bound port. */
  @IntegerKnob({
    unit: 'UDP and TCP port',
    min: 1,
    max: 65_535,
    effect: 'Port that others are told; without it, the bound one.',
  })
  readonly advertisePort?: number;

  /** Numbers for a kind of network. Default: lan. */
  @ChoiceKnob({
    choices: ['lan', 'wan', 'local'],
    effect: 'Timings for a kind of network. Without it those of lan.',
  })
  readonly preset?: GossipPresetName;

  /** Keys of 16, 24 or 32 bytes in base64; the first seals. Default: none, nothing is sealed. */
  @SecretListKnob({
    unit: 'base64 of 16, 24 or 32 bytes',
    effect: 'Keys that seal and open the gossip, the first seals; without any it goes in clear.',
  })
  readonly keys: readonly Secret[] = [];

  /** File with one key a line. */
  @TextKnob({
    unit: 'path',
    effect: 'File with one such key a line, in place of keys; read at the start.',
  })
  readonly keyFile?: string;

  /** Without it, the cluster's name. */
  @TextKnob({
    unit: 'at most 255 bytes',
    effect: 'Label of everything that is sent; without it, the name of the cluster.',
  })
  readonly label?: string;

  /** Labels to understand beside one's own while a cluster moves. Default: none. */
  @ListKnob({
    unit: 'at most 255 bytes each',
    effect: 'Labels that are understood too, while a cluster moves from one to another.',
  })
  readonly acceptedLabels: readonly string[] = [];

  /** Whether to refuse what is not sealed. Default true. */
  @FlagKnob({
    effect: 'Refuses what is not sealed, if there is a key. Off only while keys are introduced.',
  })
  readonly verifyIncoming: boolean = true;

  /** Whether to seal. Default true. */
  @FlagKnob({
    effect: 'Seals what is sent, if there is a key. Off only while keys are introduced.',
  })
  readonly verifyOutgoing: boolean = true;

  @Block(GossipHealthConfig)
  readonly config: GossipHealthConfig = new GossipHealthConfig();

  @Block(GossipTimingsConfig)
  readonly timings: GossipTimingsConfig = new GossipTimingsConfig();
}
