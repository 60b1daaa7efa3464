import { PeerSource } from './peer-source.js';
import type { PeerAddress, PeerSourceListener, SelfAnnouncement } from './peer-source.js';

/** A registry in memory, for tests: whoever announces itself is told to all, as long as it is up. */
export class MemoryPeerRegistry {
  private readonly announced = new Map<string, PeerAddress>();
  private readonly watchers = new Set<PeerSourceListener>();
  private isUp = true;

  watch(listener: PeerSourceListener): void {
    this.watchers.add(listener);
    this.tell(listener);
  }

  unwatch(listener: PeerSourceListener): void {
    this.watchers.delete(listener);
  }

  put({ replicaId, host, port }: SelfAnnouncement): void {
    this.announced.set(replicaId, { host, port, origin: 'memory' });
    this.tellAll();
  }

  remove(replicaId: string): void {
    this.announced.delete(replicaId);
    this.tellAll();
  }

  setUp(isUp: boolean): void {
    this.isUp = isUp;
    this.tellAll();
  }

  private tellAll(): void {
    for (const listener of this.watchers) this.tell(listener);
  }

  private tell(listener: PeerSourceListener): void {
    if (this.isUp) listener.found([...this.announced.values()]);
    else listener.failed({ message: 'the registry in memory is away; bring it back' });
  }
}

export class MemoryPeerSource extends PeerSource {
  readonly type = 'memory';
  private listener: PeerSourceListener | undefined;

  constructor(
    private readonly registry: MemoryPeerRegistry,
    private readonly self: SelfAnnouncement,
  ) {
    super();
  }

  start(listener: PeerSourceListener): Promise<void> {
    this.listener = listener;
    this.registry.put(this.self);
    this.registry.watch(listener);
    return Promise.resolve();
  }

  stop(_timeoutMs: number): Promise<void> {
    this.vanish();
    this.registry.remove(this.self.replicaId);
    return Promise.resolve();
  }

  /** As a process that is killed: its announcement stays until the registry drops it. */
  vanish(): void {
    if (this.listener !== undefined) this.registry.unwatch(this.listener);
  }
}
