/**
 * How far a peer's clock is ahead of ours, from messages that are acknowledged: it is right up to half of
 * the round trip, so of the last few the one with the shortest counts.
 *
 * Source: Cristian, "Probabilistic clock synchronization", 1989; the filter is that of NTP.
 */
interface Sample {
  readonly rttMs: number;
  readonly skewMs: number;
}

const SAMPLES = 8;

export class ClockSkew {
  private samples: readonly Sample[] = [];

  add(sentAtMs: number, receivedAtMs: number, nowMs: number): void {
    const rttMs = nowMs - sentAtMs;
    if (rttMs < 0) return;
    const skewMs = receivedAtMs - (sentAtMs + nowMs) / 2;
    this.samples = [...this.samples.slice(1 - SAMPLES), { rttMs, skewMs }];
  }

  get best(): Sample | undefined {
    let best = this.samples[0];
    for (const sample of this.samples)
      if (best !== undefined && sample.rttMs < best.rttMs) best = sample;
    return best;
  }
}
