import type { NameOutcome } from './core/name-answers.js';
import { type NameQuestion, searchCandidates } from './core/name-question.js';
import type { FoundAddress, NameAnswer, NameResolver } from './name-resolver.js';
import type { PeerAddress } from './peer-source.js';

/** Targets of one service that are followed; more is a mistake in the zone. */
const TARGETS_MAX = 256;

interface Naming {
  readonly type: string;
  readonly setting: string;
}

/** One round of questions: what is behind each name now. Never rejects. */
export class NameInquiry {
  constructor(
    private readonly resolver: NameResolver,
    private readonly naming: Naming,
  ) {}

  async ask(question: NameQuestion): Promise<NameOutcome> {
    const { text } = question;
    const origin = `${this.naming.type} ${text}`;
    switch (question.kind) {
      case 'address':
        return { peers: [{ host: question.host, port: question.port, origin }], isWhole: true };
      case 'host':
        return this.host(question.name, question.port, origin);
      case 'service':
        return this.service(question.name, origin);
      case 'nonsense':
        return this.nothing(text, 'is not an address; write host, host:port or [v6]:port');
    }
  }

  /** The first candidate of the search that exists answers. */
  private async host(name: string, port: number, origin: string): Promise<NameOutcome> {
    let outcome = this.nothing(name, 'does not exist (NXDOMAIN)');
    for (const candidate of searchCandidates(name, await this.resolver.searchRules())) {
      outcome = await this.addresses(name, candidate, { port, origin });
      if (outcome.peers.length > 0 || !outcome.isWhole) return outcome;
    }
    return outcome;
  }

  private async addresses(
    name: string,
    candidate: string,
    { port, origin }: Omit<PeerAddress, 'host'>,
  ): Promise<NameOutcome> {
    const answers = await Promise.all([
      this.resolver.addresses(candidate, 4),
      this.resolver.addresses(candidate, 6),
    ]);
    const records = answers.flatMap((it) => (it.kind === 'found' ? it.records : []));
    const failed = answers.find((it) => it.kind === 'failed');
    const peers = records.map(({ address }) => ({ host: address, port, origin }));
    if (failed !== undefined) return { peers, isWhole: false, fault: this.fault(name, failed.why) };
    if (peers.length === 0) return this.nothing(name, absence(answers));
    return { peers, isWhole: true, ...shortestTtl(records) };
  }

  private async service(name: string, origin: string): Promise<NameOutcome> {
    for (const candidate of searchCandidates(name, await this.resolver.searchRules())) {
      const answer = await this.resolver.services(candidate);
      if (answer.kind === 'failed')
        return { peers: [], isWhole: false, fault: this.fault(name, answer.why) };
      if (answer.kind === 'found') return this.targets(answer.records, origin);
    }
    return this.nothing(name, 'has no SRV record');
  }

  /** A target is a complete name already. */
  private async targets(
    records: readonly { readonly target: string; readonly port: number }[],
    origin: string,
  ): Promise<NameOutcome> {
    const outcomes = await Promise.all(
      records
        .slice(0, TARGETS_MAX)
        .map(({ target, port }) => this.addresses(target, target, { port, origin })),
    );
    const ttls = outcomes.flatMap(({ ttlSeconds }) => ttlSeconds ?? []);
    const faults = outcomes.flatMap(({ fault }) => fault ?? []);
    return {
      peers: outcomes.flatMap(({ peers }) => peers),
      isWhole: outcomes.every(({ isWhole }) => isWhole),
      ...(ttls.length === 0 ? {} : { ttlSeconds: Math.min(...ttls) }),
      ...(faults.length === 0 ? {} : { fault: faults.join('; ') }),
    };
  }

  /** The truth, as far as it goes: a service whose pods are not there yet has no name either. */
  private nothing(name: string, what: string): NameOutcome {
    return { peers: [], isWhole: true, fault: `"${name}" ${what}; check ${this.naming.setting}` };
  }

  private readonly fault = (name: string, why: string): string => `"${name}": ${why}`;
}

const absence = (answers: readonly NameAnswer<FoundAddress>[]): string =>
  answers.some((it) => it.kind === 'noRecords')
    ? 'has neither an A nor an AAAA record'
    : 'does not exist (NXDOMAIN)';

function shortestTtl(records: readonly FoundAddress[]): { readonly ttlSeconds?: number } {
  const ttls = records.flatMap(({ ttlSeconds }) => ttlSeconds ?? []);
  return ttls.length === 0 ? {} : { ttlSeconds: Math.min(...ttls) };
}
