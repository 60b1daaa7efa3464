/** The checkers can fail: mistakes that an engine or a machine could make, and each is found. */
import { describe, expect, it } from '@jest/globals';
import { CountStore } from '../../../src/cluster/core/count-store.js';
import type { Arrival, MergeOutcome } from '../../../src/cluster/core/count-store.js';
import type { FeedProgress } from '../../../src/cluster/core/feed-progress.js';
import type { OutboundLink } from '../../../src/cluster/core/outbound-link.js';
import type { Feed } from '../../../src/cluster/core/peer-message.js';
import type { ReplicationContext } from '../../../src/cluster/core/replication-context.js';
import type { ReplicationMachine } from '../../../src/cluster/core/replication-machine.js';
import type { StatePulls } from '../../../src/cluster/core/state-pulls.js';
import { PeerEntries } from '../../../src/counters/core/peer-entries.js';
import type { Algorithms } from '../../../src/counters/core/algorithms.js';
import type { Replica } from '../../../src/counters/core/replica.js';
import type { ReplicatedCounterEngine } from '../../../src/counters/replicated-counter-engine.js';
import { Violation } from './checkers.js';
import { runScenario } from './scenario.js';
import type { Variant } from './simulated-replicas.js';

/** In 12 and 46 a region is lost, and others know what it had counted. */
const SEEDS = [12, 1, 2, 6, 16, 19, 24, 46];

/** What the first of the seeds to notice says. */
function noticed(variant: Variant): string | undefined {
  for (const seed of SEEDS)
    try {
      runScenario(seed, variant);
    } catch (error) {
      if (error instanceof Violation) return error.message;
      throw error;
    }
  return undefined;
}

/** A merge that adds what it hears, so that what comes twice counts twice. */
function addingEngine(engine: ReplicatedCounterEngine): CountStore {
  const { entries } = (engine as unknown as { replica: { entries: PeerEntries } }).replica;
  const merge = entries.merge.bind(entries);
  entries.merge = (link, entry) => {
    const taken = entry.taken + entries.takenIn(link, entry.start);
    return merge(link, Object.assign(entry, { taken }));
  };
  return engine.store;
}

/** A store that acknowledges what it has not applied: every fourth delta is only said to be merged. */
function forgetfulStore(engine: ReplicatedCounterEngine): CountStore {
  const { store } = engine;
  const merge = store.merge.bind(store);
  let merges = 0;
  store.merge = (entries, arrival: Arrival, now): MergeOutcome => {
    merges += 1;
    if (merges % 4 === 0) return { entries: 0, refused: 0, isSound: true };
    return merge(entries, arrival, now);
  };
  return store;
}

/** Relays that hear what another region knows of theirs, and do not ask for it. */
function askNoOtherRegion(machine: ReplicationMachine): void {
  const { pulls } = machine as unknown as { pulls: StatePulls };
  const { self } = (pulls as unknown as { context: ReplicationContext }).context.options;
  const compare = pulls.compare.bind(pulls);
  pulls.compare = (peer, known, now) => {
    if (peer.region === self.region) compare(peer, known, now);
  };
}

/** An engine that tells other regions what counts in its own alone. */
function talkativeEngine(engine: ReplicatedCounterEngine): CountStore {
  const { sides } = (engine as unknown as { replica: Replica }).replica;
  for (const side of sides) side.isRegional = () => false;
  return engine.store;
}

/** Machines that greet each other without a word of their settings, and so never disagree. */
function hideSettings(machine: ReplicationMachine): void {
  const { context } = machine as unknown as { context: ReplicationContext };
  Object.assign(context.options, { settings: new Map() });
}

/** Counts of two regions have met: in a decision, or at the end. */
const MEETS = /counts \d+ of \d+ in pure-regional: |regional of \S+ is known to /;

/** An engine that takes the level of a bucket that others tell for all that they have taken. */
function levellingEngine(engine: ReplicatedCounterEngine): CountStore {
  const { store } = engine;
  const merge = store.merge.bind(store);
  store.merge = (entries, arrival: Arrival, now) =>
    merge(entries, { ...arrival, isState: true }, now);
  return store;
}

/** An engine that tells of each bucket that nothing is missing, so that who starts has full ones. */
function boastingEngine(engine: ReplicatedCounterEngine): CountStore {
  const { buckets } = (engine as unknown as { algorithms: Algorithms }).algorithms;
  const levelOf = buckets.levelOf.bind(buckets);
  buckets.levelOf = (record, into) => {
    levelOf(record, into);
    into.deficitUnits = 0;
  };
  return engine.store;
}

/** Machines that say of one feed only that there is nothing to say, and are silent in the others. */
function saySoOnce(machine: ReplicationMachine): void {
  const { links } = machine as unknown as { links: Map<string, OutboundLink> };
  const set = links.set.bind(links);
  links.set = (peerId, link) => {
    const { feeds } = link as unknown as { feeds: Map<Feed, FeedProgress> };
    const heartbeat = link.heartbeat.bind(link);
    link.heartbeat = (now) => {
      for (const [i, progress] of [...feeds.values()].entries())
        if (i > 0) progress.toldAt = now.mono;
      heartbeat(now);
    };
    return set(peerId, link);
  };
}

describe('the checkers', () => {
  it('pass the engine as it is', () => {
    expect(noticed({})).toBeUndefined();
  }, 600_000);

  it('notice a merge that adds', () => {
    expect(noticed({ wrapStore: addingEngine })).toMatch(/some twice|more than/);
  }, 600_000);

  it('notice what is acknowledged before it is applied', () => {
    expect(noticed({ wrapStore: forgetfulStore })).toMatch(/was told of|differ|lost of/);
  }, 600_000);

  it('notice a restart that goes on under the name of the run before', () => {
    expect(noticed({ reusesBoot: true })).toMatch(/told|lost of|differ|twice|was told/);
  }, 600_000);

  it('notice relays that ask no other region what it knows of theirs', () => {
    const lacking = /^entries differ: \S+ of \S+ \(over\) from .*region-\d\/r\d+ 0\b/;
    expect(noticed({ changeMachine: askNoOtherRegion })).toMatch(lacking);
  }, 600_000);

  it('notice a limit of one region that others are told of', () => {
    expect(noticed({ wrapStore: talkativeEngine })).toMatch(MEETS);
  }, 600_000);

  it('notice counts that are taken in spite of a setting that differs', () => {
    expect(noticed({ changeMachine: hideSettings })).toMatch(/some twice|is known to |says of/);
  }, 600_000);

  it('notice a bucket that takes the level of others for what they have taken', () => {
    expect(noticed({ wrapStore: levellingEngine })).toMatch(/misses \d+ in pure-bucket/);
  }, 600_000);

  it('notice a replica that starts with full buckets', () => {
    expect(noticed({ wrapStore: boastingEngine })).toMatch(/misses \d+ in pure-bucket/);
  }, 600_000);

  it('notice a relay that tells its region nothing when there is nothing to tell', () => {
    expect(noticed({ changeMachine: saySoOnce })).toMatch(/levels of \S*bucket differ/);
  }, 600_000);
});
