import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { parseJson } from './core/json-shape.js';
import { LineSplitter } from './core/line-splitter.js';
import { SourceFailure } from './source-failure.js';
import type { TlsMaterial } from './tls-files.js';

export interface HttpCall {
  readonly method?: 'GET' | 'PUT';
  /** Path and query, below the base address. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** For all of it, to the last byte of the answer: whoever is slow to the byte is cut off too. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case; of several with one name, the first. */
  readonly header: (name: string) => string | undefined;
  /** `undefined` if the body is not JSON. */
  readonly json: unknown;
  readonly text: string;
}

/** An answer that is read line by line as it comes. */
export interface HttpLines {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  /** Ends when the server ends it or the time is over; throws if the connection breaks. */
  lines(): AsyncIterable<string>;
  /** The rest in one, for an answer that turned out to be an error. */
  json(): Promise<unknown>;
}

export interface HttpClientOptions {
  readonly base: URL;
  readonly tls?: TlsMaterial | undefined;
  /** Of a whole answer, and of one line. */
  readonly bytesMax: number;
  /** Cuts every call, and the one who waits for it. */
  readonly signal: AbortSignal;
}

/** HTTP/1.1 to one service, with a bound on everything that the service may do to us. */
export class HttpClient {
  private readonly agent: HttpAgent;

  constructor(private readonly options: HttpClientOptions) {
    const settings = { keepAlive: true, maxSockets: 4 };
    this.agent =
      options.base.protocol === 'https:'
        ? new HttpsAgent({ ...settings, ...options.tls })
        : new HttpAgent(settings);
  }

  /** Any status is an answer; throws a {@link SourceFailure} if there is none. */
  async call(call: HttpCall): Promise<HttpAnswer> {
    return this.bounded(call, async (response) => {
      const text = await this.textOf(response);
      return { ...headOf(response), text, json: parseJson(text) };
    });
  }

  /** Like `call`, but hands the answer over as soon as its head is there; `read` decides what to read. */
  async stream<T>(call: HttpCall, read: (answer: HttpLines) => Promise<T>): Promise<T> {
    return this.bounded(call, (response) =>
      read({
        ...headOf(response),
        lines: () => this.linesOf(response),
        json: async () => parseJson(await this.textOf(response)),
      }),
    );
  }

  /** Whether a connection of an earlier call is still open, and free for the next one. */
  get isConnected(): boolean {
    return Object.values(this.agent.freeSockets).some((sockets) => sockets?.length);
  }

  /** Cuts what is still open. */
  close(): void {
    this.agent.destroy();
  }

  private async bounded<T>(
    call: HttpCall,
    use: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> {
    const { signal } = this.options;
    const cut = new AbortController();
    const stop = (): void => cut.abort();
    const timer = setTimeout(stop, call.timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const request = this.send(call, cut.signal);
    let response: IncomingMessage | undefined;
    try {
      response = await responseTo(request);
      return await use(response);
    } catch (error) {
      throw cut.signal.aborted ? this.timedOut(call) : error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      // An answer that was not read to its end would keep its socket.
      if (response?.readableEnded !== true) request.destroy();
    }
  }

  private send(call: HttpCall, signal: AbortSignal): ClientRequest {
    const { base } = this.options;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const options: RequestOptions = {
      agent: this.agent,
      method: call.method ?? 'GET',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      signal,
    };
    const url = new URL(base.pathname.replace(/\/$/, '') + call.path, base);
    const request = (base.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
    request.end(body);
    return request;
  }

  private async textOf(response: IncomingMessage): Promise<string> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of piecesOf(response)) {
      bytes += piece.length;
      if (bytes > this.options.bytesMax)
        throw new SourceFailure(`the answer is longer than ${this.options.bytesMax} bytes`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString('utf8');
  }

  private async *linesOf(response: IncomingMessage): AsyncIterable<string> {
    const splitter = new LineSplitter(this.options.bytesMax);
    for await (const piece of piecesOf(response)) yield* splitter.push(piece);
  }

  private timedOut({ method = 'GET', path, timeoutMs }: HttpCall): SourceFailure {
    const what = `${method} ${path.split('?')[0]}`;
    return new SourceFailure(`${what} was not answered in full within ${timeoutMs} ms`);
  }
}

/** Resolves with the head of the answer. */
function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject);
  });
}

async function* piecesOf(response: IncomingMessage): AsyncIterable<Uint8Array> {
  for await (const piece of response) if (piece instanceof Uint8Array) yield piece;
}

function headOf(response: IncomingMessage): Pick<HttpAnswer, 'status' | 'header'> {
  const header = (name: string): string | undefined => {
    const value = response.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  return { status: response.statusCode ?? 0, header };
}
