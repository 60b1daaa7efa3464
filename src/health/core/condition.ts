/**
 * From the state of the parts to what an operator is told. A degraded replica still decides and takes
 * debits, so it stays in rotation: otherwise an ailing database would take out every replica at once.
 */
export interface Parts {
  readonly phase: 'starting' | 'serving' | 'draining';
  readonly databaseReachable: boolean;
  /** Milliseconds since governance was last known to be current. Undefined: never. */
  readonly governanceAgeMs: number | undefined;
  readonly governanceStaleAfterMs: number;
  /** Debits that are not known to be in the ledger. */
  readonly journaledDebits: number;
  /** Whether the journal can take no more. */
  readonly isJournalFull: boolean;
  /** Other replicas that do not answer: suspected, or dead and not yet forgotten. */
  readonly silentReplicas: number;
  /** Other replicas with which no counts are exchanged because they differ, and in what. */
  readonly differingReplicas: readonly { readonly name: string; readonly differsIn: string }[];
  /** Further ones that are up and with which no counts are exchanged, by name. */
  readonly unlinkedReplicas: readonly string[];
  /** Sources of discovery that cannot be asked, or only in part. */
  readonly failingSources: number;
}

export interface Condition {
  readonly state: 'ok' | 'degraded' | 'unavailable';
  /** What is not well, in words that the operations guide explains. */
  readonly reasons: readonly string[];
}

export function conditionOf(parts: Parts): Condition {
  if (parts.phase !== 'serving') return { state: 'unavailable', reasons: [parts.phase] };
  if (parts.isJournalFull) return { state: 'unavailable', reasons: ['journal full'] };
  const reasons: string[] = [];
  if (!parts.databaseReachable) reasons.push('database unreachable');
  if (parts.governanceAgeMs === undefined || parts.governanceAgeMs > parts.governanceStaleAfterMs)
    reasons.push('governance stale');
  if (parts.journaledDebits > 0) reasons.push('debits in the journal');
  if (parts.silentReplicas > 0) reasons.push('a replica does not answer');
  if (parts.failingSources > 0) reasons.push('discovery failing');
  for (const { name, differsIn } of parts.differingReplicas)
    reasons.push(`${name} differs in ${differsIn}`);
  for (const name of parts.unlinkedReplicas) reasons.push(`no counts are exchanged with ${name}`);
  return { state: reasons.length === 0 ? 'ok' : 'degraded', reasons };
}
