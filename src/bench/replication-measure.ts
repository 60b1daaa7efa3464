/** Every counter counted on every replica in each interval, for a while, and what goes over the wires meanwhile. */
import { REPLICATION_DEFAULTS } from '../cluster/core/replication-options.js';
import { type NetShape, ReplicationNet, type WireTally } from './replication-net.js';

/** Until what is new has gone everywhere, relays included. */
const SETTLING_MS = 1_500;
const { syncIntervalMs } = REPLICATION_DEFAULTS;

export interface ReplicationCost {
  /** All replicas together, in a second. */
  readonly within: WireTally;
  readonly between: WireTally;
}

/** @throws Error if replicas count differently in the end: a wire that carried less would look cheap. */
export function measureReplication(shape: NetShape, lastsMs: number): ReplicationCost {
  const net = new ReplicationNet(shape);
  net.run(SETTLING_MS);
  // The first time every counter is new.
  net.count();
  net.run(SETTLING_MS);
  const before = { within: { ...net.within }, between: { ...net.between } };
  const intervals = Math.round(lastsMs / syncIntervalMs);
  for (let n = 0; n < intervals; n++) {
    net.count();
    net.run(syncIntervalMs);
  }
  const seconds = (intervals * syncIntervalMs) / 1_000;
  const within = perSecond(before.within, net.within, seconds);
  const between = perSecond(before.between, net.between, seconds);
  expectAgreement(net, shape, intervals + 1);
  return { within, between };
}

/** Bytes of one replica, when it knows of every replica what it has counted in every counter. */
export function measureMemory(shape: NetShape): number {
  const net = new ReplicationNet(shape);
  net.run(SETTLING_MS);
  net.count();
  net.run(SETTLING_MS);
  expectAgreement(net, shape, 1);
  return net.engineBytes;
}

function perSecond(before: WireTally, after: WireTally, seconds: number): WireTally {
  const since = (key: keyof WireTally): number => (after[key] - before[key]) / seconds;
  return {
    deltas: since('deltas'),
    deltaBytes: since('deltaBytes'),
    answers: since('answers'),
    answerBytes: since('answerBytes'),
  };
}

function expectAgreement(net: ReplicationNet, shape: NetShape, times: number): void {
  net.run(SETTLING_MS);
  const expected = shape.regions * shape.replicas * times;
  for (const counter of [0, shape.counters - 1])
    if (net.counted(counter).some((counted) => counted !== expected))
      throw new Error(`replicas count ${net.counted(counter).join(', ')} in place of ${expected}`);
}
