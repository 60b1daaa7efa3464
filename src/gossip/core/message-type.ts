/**
 * The first byte of every message after the outer layers are off. The numbers are memberlist's and
 * can never change. `HAS_LABEL` was chosen so high that it is neither a message nor a version of the
 * encryption, which have no type byte of their own on UDP.
 */
export const MessageType = {
  PING: 0,
  INDIRECT_PING: 1,
  ACK: 2,
  SUSPECT: 3,
  ALIVE: 4,
  DEAD: 5,
  PUSH_PULL: 6,
  COMPOUND: 7,
  USER: 8,
  COMPRESS: 9,
  ENCRYPT: 10,
  NACK: 11,
  HAS_CRC: 12,
  ERROR: 13,
  HAS_LABEL: 244,
} as const;
