import { describe, expect, it } from '@jest/globals';
import { conditionOf, type Parts } from './condition.js';

const well: Parts = {
  phase: 'serving',
  databaseReachable: true,
  governanceAgeMs: 10,
  governanceStaleAfterMs: 5_000,
  journaledDebits: 0,
  isJournalFull: false,
  silentReplicas: 0,
  differingReplicas: [],
  unlinkedReplicas: [],
  failingSources: 0,
};

describe('conditionOf', () => {
  it('is ok when every part is', () => {
    expect(conditionOf(well)).toEqual({ state: 'ok', reasons: [] });
  });

  it('is unavailable before it serves and while it drains, and says which', () => {
    expect(conditionOf({ ...well, phase: 'starting' })).toEqual({
      state: 'unavailable',
      reasons: ['starting'],
    });
    expect(conditionOf({ ...well, phase: 'draining' }).reasons).toEqual(['draining']);
  });

  it('stays in rotation without its database, and names what is not well', () => {
    expect(conditionOf({ ...well, databaseReachable: false, governanceAgeMs: 6_000 })).toEqual({
      state: 'degraded',
      reasons: ['database unreachable', 'governance stale'],
    });
  });

  it('takes debits while they are journaled, and not when the journal is full', () => {
    expect(conditionOf({ ...well, journaledDebits: 7 })).toEqual({
      state: 'degraded',
      reasons: ['debits in the journal'],
    });
    expect(conditionOf({ ...well, journaledDebits: 7, isJournalFull: true })).toEqual({
      state: 'unavailable',
      reasons: ['journal full'],
    });
  });

  it('names what is not well in the cluster, and goes on', () => {
    expect(conditionOf({ ...well, silentReplicas: 1 })).toEqual({
      state: 'degraded',
      reasons: ['a replica does not answer'],
    });
  });

  it('names every replica that differs, and in what as far as that is known', () => {
    const differingReplicas = [
      { name: 'b', differsIn: 'settings: governance.virtualKeyMandatory' },
      { name: 'c', differsIn: 'settings' },
    ];
    expect(conditionOf({ ...well, differingReplicas })).toEqual({
      state: 'degraded',
      reasons: ['b differs in settings: governance.virtualKeyMandatory', 'c differs in settings'],
    });
  });

  it('names every replica that gossip sees and that cannot be told', () => {
    expect(conditionOf({ ...well, unlinkedReplicas: ['b', 'c'] })).toEqual({
      state: 'degraded',
      reasons: ['no counts are exchanged with b', 'no counts are exchanged with c'],
    });
  });

  it('says that discovery fails, and goes on', () => {
    expect(conditionOf({ ...well, failingSources: 1 })).toEqual({
      state: 'degraded',
      reasons: ['discovery failing'],
    });
  });

  it('is stale if governance was never read', () => {
    expect(conditionOf({ ...well, governanceAgeMs: undefined }).state).toBe('degraded');
  });
});
