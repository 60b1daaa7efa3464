import { NameAnswers, type NameOutcome } from './core/name-answers.js';
import { nameQuestion, type NameQuestion } from './core/name-question.js';
import { NameInquiry } from './name-inquiry.js';
import type { NameResolver } from './name-resolver.js';
import { type PollAnswer, PollingPeerSource, type PollingRim } from './polling-peer-source.js';

export interface NamePeerSourceOptions {
  readonly type: 'static' | 'dns';
  /** The setting that the names come from, for faults. */
  readonly setting: string;
  readonly names: readonly string[];
  /** Of names that bring no port. */
  readonly defaultPort: number;
  readonly makeResolver: () => NameResolver;
}

/** Names whose addresses are replicas: `static` looks them up as the machine does, `dns` asks the DNS. */
export class NamePeerSource extends PollingPeerSource {
  readonly type: 'static' | 'dns';
  private readonly questions: readonly NameQuestion[];
  private readonly answers = new NameAnswers();
  private resolver: NameResolver | undefined;

  constructor(
    private readonly options: NamePeerSourceOptions,
    rim: PollingRim,
  ) {
    super(rim);
    this.type = options.type;
    this.questions = options.names.map((text) => nameQuestion(text, options.defaultPort));
  }

  protected async ask(): Promise<PollAnswer> {
    const resolver = this.options.makeResolver();
    this.resolver = resolver;
    const inquiry = new NameInquiry(resolver, this.options);
    const outcomes = await Promise.all(this.questions.map((question) => inquiry.ask(question)));
    for (const [index, outcome] of outcomes.entries())
      this.answers.take(this.questions[index]?.text ?? '', outcome);
    return this.answer(outcomes);
  }

  protected cancel(): void {
    this.resolver?.cancel();
  }

  private answer(outcomes: readonly NameOutcome[]): PollAnswer {
    const ttls = outcomes.flatMap(({ ttlSeconds }) => ttlSeconds ?? []);
    const faults = outcomes.flatMap(({ fault }) => fault ?? []);
    // Nobody said anything: the answer of before stays, and grows older.
    if (outcomes.every(({ isWhole, peers }) => !isWhole && peers.length === 0))
      throw new Error(faults.join('; '));
    return {
      peers: this.answers.all(),
      ...(ttls.length === 0 ? {} : { ttlSeconds: Math.min(...ttls) }),
      ...(faults.length === 0 ? {} : { fault: faults.join('; ') }),
    };
  }
}
