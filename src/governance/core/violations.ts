import type { FieldViolation } from '../../common/domain-error.js';

/** A value that passed every rule, or everything that is wrong with it. */
export type Checked<T> =
  | { readonly kind: 'valid'; readonly value: T }
  | { readonly kind: 'invalid'; readonly violations: readonly FieldViolation[] };

/** An answer travels in HTTP/2 headers, which peers bound to some kilobytes. */
const VIOLATIONS_MAX = 32;
const QUOTED_MAX = 40;

/**
 * Collects what is wrong, so that a caller hears of all of it at once. The checks that fill it return a
 * stand-in where a value is wrong; {@link conclude} keeps stand-ins from ever being used.
 */
export class Violations {
  private readonly kept: FieldViolation[] = [];
  private dropped = 0;

  constructor(private readonly max = VIOLATIONS_MAX) {}

  add(field: string, description: string): void {
    if (this.kept.length < this.max) this.kept.push({ field, description });
    else this.dropped++;
  }

  addAll(violations: readonly FieldViolation[]): void {
    for (const violation of violations) this.add(violation.field, violation.description);
  }

  conclude<T>(value: T): Checked<T> {
    if (this.kept.length === 0) return { kind: 'valid', value };
    return { kind: 'invalid', violations: this.list() };
  }

  list(): readonly FieldViolation[] {
    const last = this.kept.at(-1);
    if (this.dropped === 0 || last === undefined) return this.kept;
    const description = `${last.description} (and ${this.dropped} more faults)`;
    return [...this.kept.slice(0, -1), { field: last.field, description }];
  }
}

/** A caller's text inside a message: cut short, escaped, in quotes. */
export function quote(text: string): string {
  if (text.length <= QUOTED_MAX) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, QUOTED_MAX))}... (${text.length} characters)`;
}
