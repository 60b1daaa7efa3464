import type { WeirConfig } from '../config/weir-config.js';

/** Rises when a release changes what a counter's key or value means. */
const COUNTS_FORMAT = 1;

/**
 * The settings that decide what a count means, and no others, by name: replicas that differ in one of
 * these would count different things under one name. How often they tell each other is not one of them.
 */
export const countSettings = ({ governance }: WeirConfig): ReadonlyMap<string, string> =>
  new Map([
    ['format of counts', String(COUNTS_FORMAT)],
    ['governance.virtualKeyMandatory', String(governance.virtualKeyMandatory)],
  ]);
