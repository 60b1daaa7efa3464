import { nextConsulIndex } from './core/consul-index.js';
import {
  type ConsulAnnouncement,
  consulRegistration,
  type ConsulServices,
  consulServiceId,
  readConsulServices,
} from './core/consul-services.js';
import type { HttpAnswer, HttpClient } from './http-client.js';
import { SourceFailure } from './source-failure.js';

export interface ConsulClientOptions {
  readonly serviceName: string;
  readonly datacenter?: string | undefined;
  /** Asked for at every request, so that it may be rotated. */
  readonly token?: (() => Promise<string>) | undefined;
  readonly requestTimeoutMs: number;
}

/** How long an answer may be held back while nothing changes. */
const WAIT_SECONDS = 60;

/** Consul adds up to a sixteenth, so that questions do not come back together. */
const WAIT_MS_MAX = WAIT_SECONDS * 1_000 * (1 + 1 / 16);

/** The longest quote of what Consul says of itself. */
const QUOTE_MAX = 300;

/** The three things that are asked of Consul's HTTP API. */
export class ConsulClient {
  private index = 0n;
  /** Whether the answer with the index came over a connection that was to stay. */
  private isKept = false;

  constructor(
    private readonly http: HttpClient,
    private readonly options: ConsulClientOptions,
  ) {}

  async register(self: ConsulAnnouncement, turn: number): Promise<void> {
    const { serviceName } = this.options;
    const body = consulRegistration(serviceName, self, turn);
    const answer = await this.ask('PUT', '/v1/agent/service/register', body);
    this.expectOk(answer, `registering ${serviceName}`, `service:write on "${serviceName}"`);
  }

  async deregister(replicaId: string): Promise<void> {
    const { serviceName } = this.options;
    const id = encodeURIComponent(consulServiceId(serviceName, replicaId));
    await this.ask('PUT', `/v1/agent/service/deregister/${id}`);
  }

  /**
   * At once the first time, later as soon as something has changed, or after a minute. An index is that of the
   * server which gave it: where the connection is lost, another one may have come, and would be silent until it
   * has reached that index, too. So that is a failure, as it is while an answer is awaited.
   */
  async nextServices(): Promise<ConsulServices> {
    if (this.index > 0n && this.isKept && !this.http.isConnected)
      throw new SourceFailure('the connection was closed between two questions');
    const { serviceName, datacenter } = this.options;
    const query = new URLSearchParams({
      ...(datacenter === undefined ? {} : { dc: datacenter }),
      ...(this.index > 0n ? { index: String(this.index), wait: `${WAIT_SECONDS}s` } : {}),
    });
    const path = `/v1/health/service/${encodeURIComponent(serviceName)}?${query.toString()}`;
    const answer = await this.ask('GET', path);
    const needs = `service:read on "${serviceName}" and node:read`;
    this.expectOk(answer, `reading ${serviceName}`, needs);
    // Consul does not refuse a reader without the right: it gives an empty list.
    if (answer.header('x-consul-results-filtered-by-acls') === 'true')
      throw new SourceFailure(`Consul hides instances from this token; it needs ${needs}`);
    const services = readConsulServices(answer.json);
    if (services === undefined)
      throw new SourceFailure('the answer is not a list of service instances: is this Consul?');
    this.index = nextConsulIndex(this.index, answer.header('x-consul-index'));
    this.isKept = answer.header('connection') !== 'close';
    return services;
  }

  /** The next answer comes at once, whether or not something has changed. */
  doNotWait(): void {
    this.index = 0n;
  }

  private async ask(method: 'GET' | 'PUT', path: string, body?: object): Promise<HttpAnswer> {
    const { token, requestTimeoutMs } = this.options;
    return this.http.call({
      method,
      path,
      ...(body === undefined ? {} : { body }),
      headers: token === undefined ? {} : { 'x-consul-token': await token() },
      timeoutMs: requestTimeoutMs + (path.includes('&wait=') ? WAIT_MS_MAX : 0),
    });
  }

  private expectOk({ status, text }: HttpAnswer, what: string, needs: string): void {
    if (status === 200) return;
    const said = text.trim().slice(0, QUOTE_MAX);
    const advice = status === 403 ? `; the token needs ${needs}` : '';
    throw new SourceFailure(`${what} failed (${status} ${said})${advice}`);
  }
}
