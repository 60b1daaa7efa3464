import type { Clock } from '../common/clock.js';
import { MdnsBrowser } from './core/mdns-browser.js';
import {
  answersTo,
  MDNS_TTL_SECONDS,
  type MdnsQuestion,
  type MdnsRecord,
  recordsOf,
} from './core/mdns-records.js';
import { MdnsLinks } from './mdns-links.js';
import type { SelfAnnouncement } from './peer-source.js';
import { type PollAnswer, PollingPeerSource, type PollingRim } from './polling-peer-source.js';

export interface MdnsPeerSourceOptions {
  /** A service type such as `_weir._tcp`. */
  readonly service: string;
  readonly clusterName: string;
  /** Name or IPv4 address of an interface; without it, all that are no loopback. */
  readonly networkInterface: string | undefined;
  readonly self: SelfAnnouncement | undefined;
}

/** Between two questions; a third of what a record lives. */
const ASK_SECONDS = MDNS_TTL_SECONDS / 3;

/** Whoever has just come announces itself and asks this often, a second apart. */
const EAGER_ROUNDS = 3;

/** No record is multicast more often (RFC 6762, 6). */
const ANSWER_PAUSE_MS = 1_000;

/** Answers of many are spread over this time. */
const ANSWER_SPREAD_MS = 120;

/** Announces this replica in multicast DNS, and browses for the others of its cluster. */
export class MdnsPeerSource extends PollingPeerSource {
  readonly type = 'mdns';
  private readonly browser: MdnsBrowser;
  private readonly links: MdnsLinks;
  private readonly own: readonly MdnsRecord[];
  /** Asked for, and not told yet. */
  private readonly due = new Set<MdnsRecord>();
  private answering: NodeJS.Timeout | undefined;
  private rounds = 0;
  private wasDeaf = false;
  private hasStopped = false;

  constructor(
    private readonly options: MdnsPeerSourceOptions,
    private readonly rim: PollingRim & { readonly clock: Clock },
  ) {
    super(rim);
    const { service, clusterName, networkInterface, self } = options;
    this.browser = new MdnsBrowser(service, clusterName);
    this.own = self === undefined ? [] : recordsOf(service, self);
    this.links = new MdnsLinks(networkInterface, {
      questions: (questions) => this.hearQuestions(questions),
      records: (records) => this.hearRecords(records),
    });
  }

  override async stop(timeoutMs: number): Promise<void> {
    await super.stop(timeoutMs);
    this.hasStopped = true;
    clearTimeout(this.answering);
    const { self, service } = this.options;
    try {
      if (self !== undefined) await this.links.tell(recordsOf(service, self, 0));
    } catch {
      // Nobody can be told; our records end by themselves.
    }
    this.links.closeAll();
  }

  protected async ask(): Promise<PollAnswer> {
    try {
      await this.callOut();
    } catch (error) {
      this.wasDeaf = true;
      throw error;
    }
    const now = this.rim.clock.monoNow();
    if (this.wasDeaf) this.browser.forgive(now, MDNS_TTL_SECONDS * 1_000);
    this.wasDeaf = false;
    this.browser.expire(now);
    const ttlSeconds = this.rounds < EAGER_ROUNDS ? 1 : ASK_SECONDS;
    return { peers: this.browser.peers(), ttlSeconds };
  }

  protected cancel(): void {}

  private async callOut(): Promise<void> {
    await this.links.refresh();
    if (this.hasStopped) {
      this.links.closeAll();
      return;
    }
    if (this.wasDeaf) this.rounds = 0;
    if (this.rounds < EAGER_ROUNDS && this.own.length > 0) await this.links.tell(this.own);
    await this.links.ask([{ name: `${this.options.service}.local`, type: 'PTR' }]);
    this.rounds++;
  }

  private hearQuestions(questions: readonly MdnsQuestion[]): void {
    for (const record of answersTo(questions, this.own)) this.due.add(record);
    if (this.answering === undefined) this.answerSoon();
  }

  /** One answer serves all who ask before it; whoever asks in the pause after it gets the next one. */
  private answerSoon(): void {
    this.answering = undefined;
    if (this.due.size === 0 || this.hasStopped) return;
    this.answering = setTimeout(() => {
      void this.links.tell([...this.due]).catch(() => undefined);
      this.due.clear();
      this.answering = setTimeout(() => this.answerSoon(), ANSWER_PAUSE_MS);
    }, this.rim.random.below(ANSWER_SPREAD_MS));
  }

  private hearRecords(records: readonly MdnsRecord[]): void {
    const before = placesOf(this.browser);
    this.browser.take(records, this.rim.clock.monoNow());
    if (placesOf(this.browser) !== before) this.tell(this.browser.peers());
  }
}

const placesOf = (browser: MdnsBrowser): string =>
  browser
    .peers()
    .map(({ host, port }) => `${host} ${port}`)
    .join();
