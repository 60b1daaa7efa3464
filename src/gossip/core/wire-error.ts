/**
 * Why bytes from a peer were not understood. A closed list, because each reason is a counter: a
 * flood of bad packets must show up as a number, never as a flood of log lines.
 */
export type WireFault =
  | 'truncated'
  | 'malformed'
  | 'out-of-range'
  | 'too-large'
  | 'too-deep'
  | 'unsupported-type'
  | 'empty-message'
  | 'bad-checksum'
  | 'bad-label'
  | 'not-decryptable'
  | 'not-encrypted'
  | 'bad-compression';

/** Thrown inside the codec only; its outermost functions turn it into a value. */
export class WireError extends Error {
  override readonly name = 'WireError';

  constructor(
    readonly fault: WireFault,
    message: string,
  ) {
    super(message);
  }
}
