import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type MonoMs, monoMs } from '../../common/time.js';
import { LoadGuard } from './load-guard.js';

const OPTIONS = { targetLagMs: 100, intervalMs: 500, factLagMs: 1_000 };
const TICK_MS = 10;

/** A loop whose turns come when the test says. */
class Loop {
  now = 0;
  readonly guard = new LoadGuard(OPTIONS, monoMs(0));

  /** A turn that comes so many milliseconds after the last. */
  turn(ms: number): number {
    this.now += ms;
    return this.guard.turned(this.mono(), monoMs(this.now + TICK_MS));
  }

  turns(ms: number, count: number): void {
    for (let i = 0; i < count; i++) this.turn(ms);
  }

  mono(later = 0): MonoMs {
    return monoMs(this.now + later);
  }

  refuses(kind: 'question' | 'fact', later: number): boolean {
    return this.guard.refuses(kind, this.mono(later));
  }

  /** So many calls that are taken up in any turn. */
  takeFour(): void {
    for (let i = 0; i < 4; i++) expect(this.refuses('question', 5_000)).toBe(false);
  }
}

describe('LoadGuard', () => {
  it('measures how late a turn is, and how long the present one lasts', () => {
    const loop = new Loop();
    loop.turn(0);
    expect(loop.turn(10)).toBe(0);
    expect(loop.turn(60)).toBe(50);
    expect(loop.guard.lagMs(loop.mono(10))).toBe(0);
    expect(loop.guard.lagMs(loop.mono(200))).toBe(190);
  });

  it('lets everything pass while turns are in time, and after a long pause', () => {
    const loop = new Loop();
    loop.turns(10, 100);
    loop.turn(5_000);
    loop.turns(10, 1);
    loop.turn(5_000);
    expect(loop.guard.isShedding).toBe(false);
    expect(loop.refuses('question', 9_000)).toBe(false);
  });

  it('sheds once every turn was late for the interval, and no turn sooner', () => {
    const loop = new Loop();
    loop.turns(150, 4);
    expect(loop.guard.isShedding).toBe(false);
    loop.turn(150);
    expect(loop.guard.isShedding).toBe(true);
  });

  it('takes up work for an eighth of the target in each turn, and facts for longer', () => {
    const loop = new Loop();
    loop.turns(150, 5);
    loop.takeFour();
    expect(loop.refuses('question', TICK_MS + 12)).toBe(false);
    expect(loop.refuses('question', TICK_MS + 13)).toBe(true);
    expect(loop.refuses('fact', TICK_MS + 999)).toBe(false);
    expect(loop.refuses('fact', TICK_MS + 1_000)).toBe(true);
    expect(loop.guard.retryAfterMs(loop.mono(TICK_MS + 50))).toBe(500);
    expect(loop.guard.retryAfterMs(loop.mono(TICK_MS + 1_600))).toBe(2_000);
  });

  it('takes up a few calls in each turn, however late it is', () => {
    const loop = new Loop();
    loop.turns(150, 5);
    for (let turn = 0; turn < 3; turn++) {
      loop.takeFour();
      expect(loop.refuses('question', 5_000)).toBe(true);
      loop.turn(5_000);
    }
  });

  it('goes on while turns are longer than half of the target, and ends after the interval', () => {
    const loop = new Loop();
    loop.turns(150, 5);
    loop.turns(80, 100);
    expect(loop.guard.isShedding).toBe(true);
    loop.turns(50, 10);
    expect(loop.guard.isShedding).toBe(true);
    loop.turn(50);
    expect(loop.guard.isShedding).toBe(false);
  });

  it('goes on while calls are turned away, however short the turns are', () => {
    const loop = new Loop();
    loop.turns(150, 5);
    for (let i = 0; i < 100; i++) {
      loop.takeFour();
      expect(loop.refuses('question', TICK_MS + 20)).toBe(true);
      loop.turn(30);
    }
    expect(loop.guard.isShedding).toBe(true);
    loop.turns(30, 18);
    expect(loop.guard.isShedding).toBe(false);
  });

  it('changes its mind only after an interval without a turn that speaks against it', () => {
    const turn = fc.oneof(fc.nat(60), fc.integer({ min: 100, max: 400 }));
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 200 }), (turns) => {
        const loop = new Loop();
        let agreeingSince = 0;
        let was = false;
        for (const ms of turns) {
          const lag = loop.turn(ms);
          const speaksAgainst = was ? lag >= 50 : lag <= 100;
          if (speaksAgainst) agreeingSince = Number.POSITIVE_INFINITY;
          else if (agreeingSince === Number.POSITIVE_INFINITY) agreeingSince = loop.now;
          const { isShedding } = loop.guard;
          if (isShedding !== was) expect(loop.now - agreeingSince).toBeGreaterThanOrEqual(500);
          if (isShedding !== was) agreeingSince = Number.POSITIVE_INFINITY;
          was = isShedding;
        }
      }),
    );
  });
});
