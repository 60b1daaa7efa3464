/**
 * The label we send and those we take. Usually one; while a cluster moves from one label to another
 * (or from none, which is the empty label) there are two. Like keys they move in three steps, each on
 * every member before the next begins: accept the new one, use it, refuse the old one.
 *
 * memberlist takes exactly one label, so its nodes cannot be in a cluster while it moves.
 */
import { sameBytes } from './bytes.js';
import { LABEL_BYTES_MAX } from './label.js';

/** More at a time is a mistake, not a migration. */
export const LABELS_MAX = 4;

export type LabelRefusal = 'too-long' | 'too-many' | 'not-accepted' | 'in-use';

export class LabelSet {
  private accepted: readonly Uint8Array[];

  constructor(private sent: Uint8Array) {
    this.accepted = [sent];
  }

  /** Put on everything we start; answers carry the label of their request. */
  get own(): Uint8Array {
    return this.sent;
  }

  accepts(label: Uint8Array): boolean {
    return this.accepted.some((other) => sameBytes(other, label));
  }

  accept(label: Uint8Array): LabelRefusal | undefined {
    if (label.length > LABEL_BYTES_MAX) return 'too-long';
    if (this.accepts(label)) return undefined;
    if (this.accepted.length >= LABELS_MAX) return 'too-many';
    this.accepted = [...this.accepted, label];
    return undefined;
  }

  use(label: Uint8Array): LabelRefusal | undefined {
    if (!this.accepts(label)) return 'not-accepted';
    this.sent = label;
    return undefined;
  }

  refuse(label: Uint8Array): LabelRefusal | undefined {
    if (sameBytes(label, this.sent)) return 'in-use';
    this.accepted = this.accepted.filter((other) => !sameBytes(other, label));
    return undefined;
  }
}
