/**
 * A server in a process of its own, so that its CPU time is its own: `echo` answers with the same
 * message each time and does nothing else, `weir` is the real service, `guarded` the same turning calls away. Both
 * report what they have used, and how late their loop was, when they are asked.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { silentLog } from '../common/log.js';
import {
  type BatchCheckLimitRequest,
  BatchCheckLimitResponse,
  CheckLimitResponse,
  QuotaServiceService,
  type StreamRequest,
  type StreamResponse,
} from '../gen/weir/v1/quota_service.js';
import { startService } from '../main.js';

export type ChildRequest = { readonly kind: 'use' } | { readonly kind: 'stop' };
export type ChildReport =
  | {
      readonly kind: 'listening';
      readonly address: string;
      /** Where metrics are; empty for the echo. */
      readonly httpAddress: string;
    }
  | ({ readonly kind: 'use' } & ChildUse);

export interface ChildUse {
  /** User and system time of the whole process since its start, in microseconds. */
  readonly cpuMicros: number;
  /** How late the turns of the loop were since this was last asked, in milliseconds. */
  readonly lagP99Ms: number;
  readonly rssBytes: number;
  /** After a collection, if the process may ask for one. */
  readonly heapBytes: number;
}

const LAG_TICK_MS = 10;

const [mode, dataDir = ''] = process.argv.slice(2);

const running = mode === 'echo' ? await startEcho() : await startWeir(dataDir, mode === 'guarded');
const lag = monitorEventLoopDelay({ resolution: LAG_TICK_MS });
lag.enable();
report({ kind: 'listening', address: running.address, httpAddress: running.httpAddress });

process.on('message', (request: ChildRequest) => {
  if (request.kind === 'use') report({ kind: 'use', ...useSoFar() });
  else void running.stop().then(() => process.disconnect());
});

function useSoFar(): ChildUse {
  const { user, system } = process.cpuUsage();
  const lagP99Ms = Math.max(0, lag.percentile(99) / 1e6 - LAG_TICK_MS);
  const rssBytes = process.memoryUsage.rss();
  globalThis.gc?.();
  lag.reset();
  return {
    cpuMicros: user + system,
    lagP99Ms,
    rssBytes,
    heapBytes: process.memoryUsage().heapUsed,
  };
}

function report(message: ChildReport): void {
  process.send?.(message);
}

interface Running {
  readonly address: string;
  readonly httpAddress: string;
  stop(): Promise<void>;
}

/** The message that it answers with was sent to it by the real service, over the parent. */
async function startEcho(): Promise<Running> {
  const answer = CheckLimitResponse.decode(Buffer.from(process.env['ECHO_ANSWER'] ?? '', 'base64'));
  const server = new Server({ 'grpc.enable_channelz': 0, 'grpc.max_concurrent_streams': 100 });
  const { checkLimit, batchCheckLimit, stream } = QuotaServiceService;
  const result = { $case: 'response' as const, value: answer };
  server.addService(
    { checkLimit, batchCheckLimit, stream },
    {
      stream: (call: ServerDuplexStream<StreamRequest, StreamResponse>) => {
        call.on('data', ({ id, checks }: StreamRequest) => {
          call.write({ id, checks: checks.map(() => ({ result })), debits: [], error: undefined });
        });
        call.on('end', () => call.end());
      },
      checkLimit: (_call: unknown, callback: Callback<CheckLimitResponse>) =>
        callback(null, answer),
      batchCheckLimit: (
        call: { request: BatchCheckLimitRequest },
        callback: Callback<BatchCheckLimitResponse>,
      ) => {
        callback(null, { results: call.request.checks.map(() => ({ result })) });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const stop = async (): Promise<void> => server.forceShutdown();
  return { address: `127.0.0.1:${port}`, httpAddress: '', stop };
}

type Callback<T> = (error: Error | null, value: T) => void;

async function startWeir(folder: string, isGuarded: boolean): Promise<Running> {
  const service = await startService({
    env: {},
    log: silentLog,
    overrides: {
      'grpc.port': 0,
      'http.port': 0,
      'storage.embedded.dataDir': folder,
      'journal.dataDir': `${folder}-journal`,
      // Where it is asked what a decision costs, nothing is turned away for being too much.
      'overload.shed': isGuarded,
    },
  });
  const { grpcAddress: address, httpAddress } = service;
  return { address, httpAddress, stop: () => service.stop() };
}
