/**
 * The label in front of a packet or a stream: `f4`, a length of 1 to 255, the label. It keeps
 * clusters that share a network apart; it travels in clear and is no secret, but it is mixed into
 * the encryption's additional data so that it cannot be swapped.
 */
import { concatBytes, NO_BYTES } from './bytes.js';
import type { LabelSet } from './label-set.js';
import { MessageType } from './message-type.js';
import { WireError } from './wire-error.js';

export const LABEL_BYTES_MAX = 255;

export const labelOverheadBytes = (label: Uint8Array): number =>
  label.length === 0 ? 0 : 2 + label.length;

export function labelHeader(label: Uint8Array): Uint8Array {
  if (label.length === 0) return NO_BYTES;
  if (label.length > LABEL_BYTES_MAX) throw new WireError('too-large', 'label is over 255 bytes');
  return concatBytes([Uint8Array.of(MessageType.HAS_LABEL, label.length), label]);
}

export interface Labelled {
  readonly label: Uint8Array;
  readonly rest: Uint8Array;
}

/**
 * The label that the encryption is bound to, once the one found has been accepted. Behind a proxy
 * that takes labels off there must be none, and ours is meant.
 */
export function boundLabel(
  settings: { readonly labels: LabelSet; readonly skipInboundLabelCheck: boolean },
  found: Uint8Array,
): Uint8Array {
  const { labels, skipInboundLabelCheck } = settings;
  const fine = skipInboundLabelCheck ? found.length === 0 : labels.accepts(found);
  if (!fine) throw new WireError('bad-label', 'unacceptable label');
  return skipInboundLabelCheck ? labels.own : found;
}

/** Takes the label off a packet. A packet without one passes with an empty label. */
export function takeLabel(bytes: Uint8Array): Labelled {
  if (bytes[0] !== MessageType.HAS_LABEL) return { label: NO_BYTES, rest: bytes };
  const length = bytes[1];
  if (length === undefined) throw new WireError('truncated', 'label header is cut short');
  if (length === 0) throw new WireError('bad-label', 'label header with an empty label');
  const end = 2 + length;
  if (bytes.length < end) throw new WireError('truncated', 'label header is cut short');
  return { label: bytes.subarray(2, end), rest: bytes.subarray(end) };
}
