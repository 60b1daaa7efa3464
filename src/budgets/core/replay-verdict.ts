/**
 * What an answer of the ledger means for a debit that comes out of the journal. Its caller has been told
 * that it is recorded, so nobody can be asked; the money has been spent, so it is posted if that is
 * possible in any way.
 */
import { unreachable } from '../../common/assert.js';
import type { LedgerAnswer } from './ledger-item.js';

export type ReplayVerdict =
  | { readonly kind: 'taken' }
  /** Its reservation was never made, or is forgotten: to be posted without one. */
  | { readonly kind: 'unreserved' }
  | { readonly kind: 'refused'; readonly reason: string };

export function replayVerdict(answer: LedgerAnswer): ReplayVerdict {
  switch (answer.kind) {
    case 'posted':
      return { kind: 'taken' };
    case 'unknown':
      return { kind: 'unreserved' };
    case 'ended':
      return { kind: 'refused', reason: 'reservation_ended' };
    case 'conflict':
    case 'out_of_range':
      return { kind: 'refused', reason: answer.kind };
    case 'held':
    case 'denied':
    case 'released':
    case 'extended':
    case 'expired':
      return { kind: 'refused', reason: `answered as ${answer.kind}` };
    default:
      return unreachable(answer);
  }
}
