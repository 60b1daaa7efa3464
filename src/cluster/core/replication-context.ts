import type { Random } from '../../common/random.js';
import type { CountStore } from './count-store.js';
import { KnownSources } from './known-sources.js';
import { type Feed, type Hello, type KnownSource, PROTOCOL_VERSION } from './peer-message.js';
import { RelayedSilences } from './relayed-silences.js';
import type { LinkState, NoticeKind, ReplicationEffect } from './replication-effect.js';
import type { ReplicationOptions } from './replication-options.js';

/** What the parts of the replication machine share. */
export class ReplicationContext {
  private effects: ReplicationEffect[] = [];
  readonly known: KnownSources;
  readonly silences = new RelayedSilences();

  constructor(
    readonly options: ReplicationOptions,
    readonly store: CountStore,
    readonly random: Random,
  ) {
    this.known = new KnownSources(options.sourcesMax);
  }

  emit(effect: ReplicationEffect): void {
    this.effects.push(effect);
  }

  takeEffects(): readonly ReplicationEffect[] {
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  notice(notice: NoticeKind, peerId: string, detail: string): void {
    this.emit({ kind: 'notice', notice, peerId, detail });
  }

  link(peerId: string, state: LinkState, detail: string): void {
    this.emit({ kind: 'link', peerId, state, detail });
  }

  /** How far those are known that a feed tells about, besides this replica's own. */
  drawnFrom(feed: Feed): readonly KnownSource[] {
    if (feed === 'own') return [];
    const { self } = this.options;
    const isHome = feed === 'region';
    const others = this.known
      .list()
      .filter(({ source }) => (source.region === self.region) === isHome);
    const head = this.store.head('own');
    return isHome ? [...others, { source: self, through: head, seen: head }] : others;
  }

  hello(): Hello {
    const { cluster, self, settings } = this.options;
    const known = this.known.list();
    return { cluster, source: self, protocolVersion: PROTOCOL_VERSION, settings, known };
  }
}
