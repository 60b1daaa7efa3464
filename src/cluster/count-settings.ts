import type { WeirConfig } from '../config/weir-config.js';

/** Rises when a release changes what a counter's key or value means. */
const COUNTS_FORMAT = 1;

/**
 * The settings that decide what a count means, and no others, by name: replicas that differ in one of
 * these would count different things under one name. What else gives a count its meaning, the policies and the key
 * of the fingerprints, is in the database: {@link DATABASE} stands for that. How often they tell each other, what
 * they have room for and their region are not among them.
 */
export const countSettings = ({
  governance,
}: WeirConfig): readonly (readonly [string, string])[] => [
  ['format of counts', String(COUNTS_FORMAT)],
  ['governance.virtualKeyMandatory', String(governance.virtualKeyMandatory)],
];

/** The setting that replicas on different databases differ in: they would hear each other and count apart. */
export const DATABASE = 'storage.postgres';
