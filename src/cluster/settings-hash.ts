import { createHash } from 'node:crypto';
import type { WeirConfig } from '../config/weir-config.js';

/** Rises when a release changes what a counter's key or value means. */
const COUNTS_FORMAT = 1;

/**
 * Of the settings that decide what a count means, and no others: replicas that differ in one of these
 * would count different things under one name. How often they tell each other is not one of them.
 */
export function settingsHash({ governance }: WeirConfig): string {
  const settings = [COUNTS_FORMAT, governance.virtualKeyMandatory];
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
}
