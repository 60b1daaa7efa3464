/** What many seeds have met together. */
import { type Fault, FAULTS, type Outcome, runScenario } from './scenario.js';

export class SeedReport {
  readonly failures: string[] = [];
  readonly faults = new Map<Fault, number>();
  seeds = 0;
  operations = 0;
  denials = 0;
  refusedFull = 0;
  restartsInLiveWindow = 0;
  flushes = 0;
  refusals = 0;
  levelsCompared = 0;
  entriesChecked = 0;
  messages = 0;
  replicasMax = 0;
  regionsMax = 0;

  run(seed: number): void {
    try {
      this.add(runScenario(seed));
    } catch (error) {
      this.fail(seed, error instanceof Error ? error : new Error(String(error)));
    }
  }

  private add(outcome: Outcome): void {
    this.seeds += 1;
    this.operations += outcome.operations;
    this.denials += outcome.denials;
    this.refusedFull += outcome.refusedFull;
    this.restartsInLiveWindow += outcome.restartsInLiveWindow;
    this.flushes += outcome.flushes;
    this.refusals += outcome.refusals;
    this.levelsCompared += outcome.levelsCompared;
    this.entriesChecked += outcome.entriesChecked;
    this.messages += outcome.messages;
    this.replicasMax = Math.max(this.replicasMax, outcome.replicas);
    this.regionsMax = Math.max(this.regionsMax, outcome.regions);
    for (const [fault, times] of outcome.faults)
      this.faults.set(fault, (this.faults.get(fault) ?? 0) + times);
  }

  private fail(seed: number, error: Error): void {
    this.failures.push(`seed ${seed}: ${error.message}; again: npm run sim -- --seed ${seed}`);
  }

  get unmet(): readonly Fault[] {
    return FAULTS.filter((fault) => !this.faults.has(fault));
  }

  text(): string {
    const faults = FAULTS.map((fault) => `${fault} ${this.faults.get(fault) ?? 0}`).join(', ');
    return [
      ...this.failures,
      `${this.seeds} seeds passed, ${this.failures.length} failed; up to ${this.replicasMax} replicas in ${this.regionsMax} regions`,
      `${this.operations} operations, ${this.denials} denials, ${this.refusedFull} refused for want of room`,
      `${this.restartsInLiveWindow} restarts in a live window, ${this.flushes} departures that left all with a peer, ${this.refusals} links refused for a setting`,
      `${this.entriesChecked} entries compared on all replicas at the end, ${this.levelsCompared} levels of buckets, ${this.messages} messages`,
      `faults: ${faults}`,
    ].join('\n');
  }
}
