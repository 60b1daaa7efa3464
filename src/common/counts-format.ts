/**
 * Rises when a release changes what a counter's key or value means. Replicas with different numbers refuse each
 * other's counts, and none takes up the checkpoints of another number.
 */
export const COUNTS_FORMAT: number = 1;
