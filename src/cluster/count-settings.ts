import { COUNTS_FORMAT } from '../common/counts-format.js';
import type { WeirConfig } from '../config/weir-config.js';

/**
 * The settings that decide what a count means, and no others, by name: replicas that differ in one of
 * these would count different things under one name. What else gives a count its meaning, the policies and the key
 * of the fingerprints, is in the database: {@link DATABASE} stands for that. How often they tell each other, what
 * they have room for and their region are not among them.
 *
 * Checkpoints are of no use to another format or key. That keys are mandatory is in none: it decides which calls are
 * asked about from now on, as the match of a limit does, and what was counted before has passed all the same.
 */
export const countSettings = ({
  governance,
}: WeirConfig): readonly (readonly [string, string])[] => [
  ['format of counts', String(COUNTS_FORMAT)],
  ['governance.virtualKeyMandatory', String(governance.virtualKeyMandatory)],
];

/** The setting that replicas on different databases differ in: they would hear each other and count apart. */
export const DATABASE = 'storage.postgres';
