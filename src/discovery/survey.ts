import { setTimeout as delay } from 'node:timers/promises';
import type { AllowedNetworks } from '../common/allowed-networks.js';
import { REFUSALS, sift } from './core/address-filter.js';
import type { PeerAddress, PeerSource } from './peer-source.js';

export interface SurveyedAddress {
  readonly address: string;
  readonly origin: string;
  /** Why it would not be called; absent if it would. */
  readonly refusal?: string;
}

export interface SurveyedSource {
  readonly source: string;
  /** It answered at least once. */
  readonly hasAnswered: boolean;
  /** The last fault, unless a whole answer came after it. */
  readonly fault?: string;
  readonly addresses: readonly SurveyedAddress[];
}

/** Farewells take no time worth waiting for. */
const STOP_MAX_MS = 1_000;

/** Asks the sources for as long as it is told, and says what they found: a diagnosis, nothing is joined. */
export async function survey(
  sources: readonly PeerSource[],
  allowed: AllowedNetworks,
  waitMs: number,
): Promise<readonly SurveyedSource[]> {
  const notes = sources.map(() => new Note());
  await Promise.all(sources.map((source, index) => source.start(notes[index] ?? new Note())));
  await delay(waitMs);
  await Promise.all(sources.map((source) => source.stop(STOP_MAX_MS)));
  return sources.map(({ type }, index) => {
    const { peers, fault } = notes[index] ?? new Note();
    return {
      source: type,
      hasAnswered: peers !== undefined,
      ...(fault === undefined ? {} : { fault }),
      addresses: (peers ?? []).map((peer) => surveyed(peer, allowed)),
    };
  });
}

/** What one source has said last. */
class Note {
  peers: readonly PeerAddress[] | undefined;
  fault: string | undefined;

  found(peers: readonly PeerAddress[]): void {
    this.peers = peers;
    this.fault = undefined;
  }

  failed({ message }: { readonly message: string }): void {
    this.fault = message;
  }
}

function surveyed(peer: PeerAddress, allowed: AllowedNetworks): SurveyedAddress {
  const sifted = sift(peer, allowed);
  const { key: address } = sifted;
  const { origin } = peer;
  return sifted.kind === 'allowed'
    ? { address, origin }
    : { address, origin, refusal: REFUSALS[sifted.reason] };
}
