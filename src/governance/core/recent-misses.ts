import type { MonoMs } from '../../common/time.js';

/**
 * Names that were looked up lately and not found. All live equally long, so the oldest entry is always
 * the first to end; a full set drops it, which costs one more look-up and never a wrong answer.
 */
export class RecentMisses {
  private readonly endsAt = new Map<string, number>();

  constructor(
    private readonly options: { readonly sizeMax: number; readonly lifetimeMs: number },
  ) {}

  has(name: string, now: MonoMs): boolean {
    const end = this.endsAt.get(name);
    return end !== undefined && now < end;
  }

  add(name: string, now: MonoMs): void {
    this.endsAt.delete(name);
    for (const [oldest, end] of this.endsAt) {
      if (now < end && this.endsAt.size < this.options.sizeMax) break;
      this.endsAt.delete(oldest);
    }
    this.endsAt.set(name, now + this.options.lifetimeMs);
  }

  get size(): number {
    return this.endsAt.size;
  }
}
