import type { Fingerprint } from './fingerprint.js';

/**
 * Where an engine has last found a counter. A spec that lasts carries one, so that a call has to follow neither the
 * name of the counter nor the index, both of which are elsewhere in memory (ADR 0043). Only engines write into it; to
 * any other than the last it says nothing.
 */
export class CounterPlace implements Fingerprint {
  /** Who made the fingerprint, and knows the record. */
  madeBy: object | undefined = undefined;
  /** The fingerprint of the name. */
  a = 0;
  b = 0;
  c = 0;
  /** Where the counter was. It may have left since, and another may be there: its fingerprint tells. */
  record = -1;
}
