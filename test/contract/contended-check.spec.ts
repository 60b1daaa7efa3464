/**
 * Goal: a single check waits while peers may have used up one of its limits, and no longer than it may. Method:
 * an engine of which the test says whether it is contended.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../support/manual-clock.js';
import type { CheckCall } from '../../src/quota/core/calls.js';
import { MemoryPeerNetwork } from '../../src/cluster/memory-peer-network.js';
import { eventually } from '../support/eventually.js';
import { checkCall, limitRecord, LimitScene } from '../support/limit-scene.js';

let scene: LimitScene;
let isContended = false;
let asked = 0;

beforeEach(async () => {
  const transport = new MemoryPeerNetwork().transport();
  scene = new LimitScene(new ManualClock('2026-08-05T10:00:00Z'), {
    transport,
    replicas: () => [],
  });
  scene.declare(
    limitRecord('lim', {
      algorithm: {
        kind: 'sliding_window',
        window: { kind: 'duration', durationMs: 60_000, anchorMs: 0 },
      },
      maximum: 2,
      unit: 'requests',
    }),
  );
  isContended = false;
  asked = 0;
  scene.counters.isContended = () => {
    asked += 1;
    return isContended;
  };
  await scene.start();
});

afterEach(() => scene.stop());

const kindOf = async (over: Partial<CheckCall> = {}): Promise<string> =>
  (await scene.checks.check(checkCall(over))).decision.kind;

describe('a check of a limit that peers may have used up', () => {
  it('is answered at once if they have not', () => {
    expect(scene.checks.check(checkCall())).not.toBeInstanceOf(Promise);
  });

  it('waits until they are heard, and is decided by what is known then', async () => {
    isContended = true;
    const waiting = scene.checks.check(checkCall());
    expect(waiting).toBeInstanceOf(Promise);
    await eventually('it has asked again', () => asked > 1);
    isContended = false;
    expect(await kindOf()).toBe('allow');
    expect(await kindOf()).toBe('allow');
    isContended = true;
    expect((await waiting).decision.kind).toBe('deny');
  });

  it('waits for so long at most, then is decided by what is known', async () => {
    isContended = true;
    expect(await kindOf()).toBe('allow');
    // Once before it waits, and once for each 10 of the 50 ms, and for nothing after.
    expect(asked).toBe(1 + 5);
  });

  it('does not wait to be refused', async () => {
    expect([await kindOf(), await kindOf()]).toEqual(['allow', 'allow']);
    isContended = true;
    expect(scene.checks.check(checkCall())).not.toBeInstanceOf(Promise);
    expect(await kindOf()).toBe('deny');
  });

  it('does not wait in a batch, or if it counts nothing', async () => {
    isContended = true;
    expect(scene.checks.check(checkCall({ dryRun: true }))).not.toBeInstanceOf(Promise);
    expect(scene.checks.checkMany([checkCall(), checkCall()])).not.toBeInstanceOf(Promise);
    expect(asked).toBe(0);
  });
});
