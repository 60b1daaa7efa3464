import { IntegerKnob } from './knob.js';

const interval = (effect: string, min: number): PropertyDecorator =>
  IntegerKnob({ unit: 'milliseconds', min, max: 3_600_000, effect });

const count = (effect: string, max: number): PropertyDecorator =>
  IntegerKnob({ unit: 'times', min: 1, max, effect });

/** Single numbers of the gossip; each wins over `config` and `preset`. `docs/gossip.md` explains them. */
export class GossipTimingsConfig {
  /** A member is probed each interval. */
  @interval('One replica is probed each interval.', 10)
  readonly probeIntervalMs?: number;

  /** After that, others are asked. Below the interval. */
  @interval('Without an answer for so long, others are asked; at most half of the interval.', 1)
  readonly probeTimeoutMs?: number;

  /** How many are asked. */
  @count('How many others are asked to probe.', 100)
  readonly indirectChecks?: number;

  /** The same as `config.failureThreshold`. */
  @count('The suspicion multiplier, as failureThreshold.', 1000)
  readonly suspicionMult?: number;

  /** At most that many times the least wait. */
  @count('A suspicion that nobody confirms waits up to so many times as long.', 1000)
  readonly suspicionMaxTimeoutMult?: number;

  /** How far a replica that doubts itself slows down. */
  @count('A replica that doubts itself probes up to so many times slower; 1: no doubt.', 100)
  readonly awarenessMaxMultiplier?: number;

  /** News goes out each interval. */
  @interval('News goes out each interval.', 1)
  readonly gossipIntervalMs?: number;

  /** To how many. */
  @count('To how many replicas news goes each time.', 100)
  readonly gossipNodes?: number;

  /** News is sent that often, times the logarithm of the cluster's size. */
  @count('News is sent so often, times the logarithm of the size of the cluster.', 100)
  readonly retransmitMult?: number;

  /** The whole state is exchanged with one member each interval. */
  @interval('Everything is compared with one replica each interval.', 100)
  readonly pushPullIntervalMs?: number;

  /** How long the dead hear of it. */
  @interval('The dead hear of it for so long, and are then forgotten.', 100)
  readonly gossipToTheDeadMs?: number;

  /** When a dead name may come from elsewhere. */
  @interval('A dead name may come back from another address after so long.', 1)
  readonly deadNodeReclaimMs?: number;

  /** When a failed member is called again. */
  @interval('One failed replica is called again each interval.', 100)
  readonly reconnectIntervalMs?: number;

  /** Each step of a stream. */
  @interval('Deadline of each step of a TCP exchange.', 10)
  readonly streamTimeoutMs?: number;
}
