import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Log } from '../common/log.js';
import { MINUTE_MS, type MonoMs } from '../common/time.js';
import type { MemberEventKind } from '../gossip/core/member-event.js';
import type { Replica } from './replica.js';

/** Lines a minute; a cluster that flaps must not fill the disk. The metrics count on. */
const LINES_MAX = 60;

/** What is worth a line. Suspicions come and go, and their number is a metric. */
const TEXTS: Partial<Readonly<Record<MemberEventKind, string>>> = {
  joined: 'a replica has joined',
  died: 'a replica is dead: it did not answer',
  left: 'a replica has left',
  proven: 'a replica that came back answers well again',
};

/** Writes down who comes and goes. */
@Injectable()
export class MemberLog {
  private minuteStart: MonoMs | undefined;
  private lines = 0;

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
  ) {}

  change({ name, host, gossipPort, isSelf }: Replica, kind: MemberEventKind): void {
    const text = TEXTS[kind];
    if (text === undefined || isSelf || !this.hasRoom()) return;
    const facts = { member: name, host, port: gossipPort };
    if (kind === 'died') this.log.warn(facts, text);
    else this.log.info(facts, text);
  }

  private hasRoom(): boolean {
    const now = this.clock.monoNow();
    if (this.minuteStart === undefined || now - this.minuteStart >= MINUTE_MS) {
      this.minuteStart = now;
      this.lines = 0;
    }
    this.lines++;
    if (this.lines === LINES_MAX) {
      this.log.warn({}, 'members come and go too often: the rest of this minute is only counted');
    }
    return this.lines < LINES_MAX;
  }
}
