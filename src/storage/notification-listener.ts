import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import type { Log } from '../common/log.js';
import { assert } from '../common/assert.js';
import type { DatabaseEvent } from './database.js';
import { errorText } from './postgres-error.js';

export interface ListenerOptions {
  readonly client: () => ClientConfig;
  readonly log: Log;
  /** Told whenever this connection learns that the database is there or gone. */
  readonly onReachable: (reachable: boolean) => void;
}

type Handler = (event: DatabaseEvent) => void;

const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 3000;
const CHECK_TIMEOUT_MS = 3000;

/**
 * The one connection that stays open: it hears notifications, and its end is the first sign that the
 * database is gone. It reconnects until it is stopped.
 */
export class NotificationListener {
  private readonly handlers = new Map<string, Set<Handler>>();
  private client: Client | undefined;
  private reconnecting: Promise<void> | undefined;
  private isChecking = false;
  private readonly stopping = new AbortController();

  constructor(private readonly options: ListenerOptions) {}

  async start(): Promise<void> {
    await this.connect();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.reconnecting;
    const client = this.client;
    this.client = undefined;
    await client?.end().catch(() => undefined);
  }

  async listen(channel: string, handler: Handler): Promise<() => Promise<void>> {
    assert(/^[a-z][a-z0-9_]{0,62}$/.test(channel), `not a channel: ${channel}`);
    const handlers = this.handlers.get(channel) ?? new Set();
    this.handlers.set(channel, handlers.add(handler));
    // While the connection is away, connecting again is what starts to listen.
    if (handlers.size === 1) await this.client?.query(`LISTEN ${channel}`).catch(() => undefined);
    return () => this.unlisten(channel, handler);
  }

  /** Asks whether the database is there, after somebody else has had a failure. */
  check(): void {
    const client = this.client;
    if (!client || this.isChecking) return;
    this.isChecking = true;
    const late = setTimeout(() => this.lose(client, 'it does not answer'), CHECK_TIMEOUT_MS);
    void client
      .query('SELECT 1')
      .then(
        () => this.client === client && this.options.onReachable(true),
        (error: unknown) => this.lose(client, errorText(error)),
      )
      .finally(() => {
        clearTimeout(late);
        this.isChecking = false;
      });
  }

  private async unlisten(channel: string, handler: Handler): Promise<void> {
    const handlers = this.handlers.get(channel);
    handlers?.delete(handler);
    if (handlers?.size !== 0) return;
    this.handlers.delete(channel);
    await this.client?.query(`UNLISTEN ${channel}`).catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const client = new Client(this.options.client());
    client.on('error', (error) => this.lose(client, errorText(error)));
    client.on('end', () => this.lose(client, 'the server closed the connection'));
    client.on('notification', ({ channel, payload }) =>
      this.tell(channel, { kind: 'notified', payload: payload ?? '' }),
    );
    try {
      await client.connect();
      for (const channel of this.handlers.keys()) await client.query(`LISTEN ${channel}`);
      this.stopping.signal.throwIfAborted();
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    this.client = client;
    this.options.onReachable(true);
  }

  private lose(client: Client, reason: string): void {
    if (this.client !== client || this.stopping.signal.aborted) return;
    this.client = undefined;
    this.options.onReachable(false);
    this.options.log.warn({}, `Lost the connection to the database: ${reason}`);
    void client.end().catch(() => undefined);
    this.reconnecting = this.reconnect();
  }

  private async reconnect(): Promise<void> {
    const { signal } = this.stopping;
    for (
      let waitMs = BACKOFF_MIN_MS;
      !signal.aborted;
      waitMs = Math.min(waitMs * 2, BACKOFF_MAX_MS)
    ) {
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || (await this.connects())) break;
    }
    this.reconnecting = undefined;
    if (signal.aborted) return;
    this.options.log.info({}, 'Connected to the database again');
    for (const channel of this.handlers.keys()) this.tell(channel, { kind: 'reconnected' });
  }

  private async connects(): Promise<boolean> {
    try {
      await this.connect();
      return true;
    } catch (error) {
      this.options.log.debug({}, `The database is still away: ${errorText(error)}`);
      return false;
    }
  }

  private tell(channel: string, event: DatabaseEvent): void {
    for (const handler of this.handlers.get(channel) ?? []) handler(event);
  }
}
