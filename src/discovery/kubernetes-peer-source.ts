import { AttemptingPeerSource } from './attempting-peer-source.js';
import {
  endpointSliceCandidates,
  familyOf,
  peersOf,
  podCandidates,
  type ReadCandidates,
} from './core/kubernetes-candidates.js';
import { kubernetesRefusal, type KubernetesVerb } from './core/kubernetes-refusal.js';
import {
  KUBERNETES_OBJECTS_MAX,
  KubernetesTable,
  readListPage,
  TOO_MANY_OBJECTS,
} from './core/kubernetes-table.js';
import { type HttpAnswer, HttpClient, type HttpLines } from './http-client.js';
import type { PeerAddress } from './peer-source.js';
import { SourceFailure } from './source-failure.js';
import type { SourceAttempt, SourceLoopOptions } from './source-loop.js';
import { readSecretFile, readTlsFiles } from './tls-files.js';

export interface KubernetesSourceOptions {
  /** Such as `https://10.96.0.1:443`. */
  readonly apiServer: string;
  readonly namespace: string;
  /** Which pods, as `kubectl -l` has it. */
  readonly labelSelector?: string | undefined;
  /** The alternative: the endpoint slices of this service. */
  readonly service?: string | undefined;
  /** Of the gossip, where no port is named so. */
  readonly port: number;
  /** Our own address: of pods with two, the one of its family is taken. */
  readonly selfHost?: string | undefined;
  /** Read again for every request: the kubelet renews it. */
  readonly tokenFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly requestTimeoutMs: number;
  /** A watch is asked to end after this, and cut soon after, however silent it is. */
  readonly watchMs?: number;
  readonly watchGraceMs?: number;
  /** A list is taken from time to time even if no watch complains. */
  readonly relistMs?: number;
}

const WATCH_MS = 120_000;
const WATCH_GRACE_MS = 5_000;
const RELIST_MS = 300_000;
const PAGE_ITEMS = 100;
const ANSWER_BYTES_MAX = 16 * 1_048_576;

/** Pods, or the endpoint slices of a service: a list, then a watch from where the list ended. */
export class KubernetesPeerSource extends AttemptingPeerSource {
  readonly type = 'kubernetes';
  private readonly table: KubernetesTable;
  private readonly objects: WatchedObjects;
  private listedMs = 0;

  constructor(
    private readonly options: KubernetesSourceOptions,
    private readonly rim: SourceLoopOptions,
  ) {
    super(rim);
    this.objects = watchedObjects(options);
    this.table = new KubernetesTable(this.objects.read);
  }

  /** A list if one is due, then one watch. Connections and certificates are new each time. */
  protected async once(attempt: SourceAttempt): Promise<void> {
    const { apiServer, caFile } = this.options;
    let client: HttpClient | undefined;
    try {
      const base = new URL(apiServer);
      const tls = base.protocol === 'https:' ? await readTlsFiles({ caFile }) : undefined;
      client = new HttpClient({ base, tls, bytesMax: ANSWER_BYTES_MAX, signal: attempt.signal });
      if (this.isListDue()) await this.list(client, attempt);
      await this.watch(client, attempt);
    } catch (error) {
      throw SourceFailure.from(error, `kubernetes at ${apiServer}`);
    } finally {
      client?.close();
    }
  }

  private isListDue(): boolean {
    const { relistMs = RELIST_MS } = this.options;
    const isOld = this.rim.clock.monoNow() - this.listedMs >= relistMs;
    return isOld || this.table.resourceVersion === undefined;
  }

  private async list(client: HttpClient, attempt: SourceAttempt): Promise<void> {
    const items: unknown[] = [];
    let next: string | undefined;
    do {
      const page = readListPage(await this.page(client, next));
      if (page === undefined) throw new SourceFailure('the answer to a list is not a list');
      items.push(...page.items);
      next = page.next;
      if (items.length > KUBERNETES_OBJECTS_MAX) throw new SourceFailure(TOO_MANY_OBJECTS);
      if (next === undefined) this.table.replace(items, page.resourceVersion);
    } while (next !== undefined);
    this.listedMs = this.rim.clock.monoNow();
    attempt.found(this.peers());
  }

  private async page(client: HttpClient, next: string | undefined): Promise<unknown> {
    const more = next === undefined ? {} : { continue: next };
    const answer = await client.call({
      path: this.pathWith({ limit: String(PAGE_ITEMS), ...more }),
      headers: await this.headers(),
      timeoutMs: this.options.requestTimeoutMs,
    });
    if (answer.status !== 200) throw this.refusal('list', answer, answer.json);
    return answer.json;
  }

  private async watch(client: HttpClient, attempt: SourceAttempt): Promise<void> {
    const { watchMs = WATCH_MS, watchGraceMs = WATCH_GRACE_MS } = this.options;
    const call = {
      path: this.pathWith({
        watch: '1',
        allowWatchBookmarks: 'true',
        resourceVersion: this.table.resourceVersion ?? '',
        timeoutSeconds: String(Math.ceil(watchMs / 1_000)),
      }),
      headers: await this.headers(),
      timeoutMs: watchMs + watchGraceMs,
    };
    await client.stream(call, (answer) => this.follow(answer, attempt));
  }

  private async follow(answer: HttpLines, attempt: SourceAttempt): Promise<void> {
    if (answer.status !== 200) {
      // Without a watch, lists are what is left: the next attempt begins with one.
      this.table.forgetVersion();
      if (answer.status === 410) return;
      throw this.refusal('watch', answer, await answer.json());
    }
    attempt.found(this.peers());
    for await (const line of answer.lines()) {
      const step = this.table.apply(line);
      if (step.kind === 'expired') return;
      if (step.kind === 'refused') throw new SourceFailure(step.message);
      attempt.found(this.peers());
    }
  }

  private peers(): readonly PeerAddress[] {
    const { port, selfHost } = this.options;
    const wanted = selfHost === undefined ? undefined : familyOf(selfHost);
    return peersOf(this.table.candidates, port, wanted);
  }

  private pathWith(query: Readonly<Record<string, string>>): string {
    const { path, selector } = this.objects;
    const labels = selector === undefined ? {} : { labelSelector: selector };
    return `${path}?${new URLSearchParams({ ...labels, ...query }).toString()}`;
  }

  private async headers(): Promise<Readonly<Record<string, string>>> {
    const { tokenFile } = this.options;
    if (tokenFile === undefined) return {};
    return { authorization: `Bearer ${await readSecretFile(tokenFile)}` };
  }

  private refusal(
    verb: KubernetesVerb,
    answer: Pick<HttpAnswer, 'status' | 'header'>,
    body: unknown,
  ): SourceFailure {
    const { namespace } = this.options;
    const question = { verb, resource: this.objects.resource, namespace };
    const { status } = answer;
    const refusal = kubernetesRefusal(question, status, body, answer.header('retry-after'));
    return new SourceFailure(refusal.message, refusal.retryAfterMs);
  }
}

/** Which objects are listed and watched, and how they are read. */
interface WatchedObjects {
  readonly path: string;
  /** As a Role names it. */
  readonly resource: string;
  readonly selector: string | undefined;
  readonly read: ReadCandidates;
}

function watchedObjects({
  namespace,
  service,
  labelSelector,
}: KubernetesSourceOptions): WatchedObjects {
  const within = `namespaces/${encodeURIComponent(namespace)}`;
  if (service === undefined) {
    const path = `/api/v1/${within}/pods`;
    return { path, resource: 'pods', selector: labelSelector, read: podCandidates };
  }
  return {
    path: `/apis/discovery.k8s.io/v1/${within}/endpointslices`,
    resource: 'endpointslices.discovery.k8s.io',
    selector: `kubernetes.io/service-name=${service}`,
    read: endpointSliceCandidates,
  };
}
