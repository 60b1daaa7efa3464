import { status } from '@grpc/grpc-js';
import { Counter, type Registry } from 'prom-client';
import { LATENCY_BOUNDS_SECONDS, type RpcStats } from '../rpc/rpc-stats.js';
import { KeptHistogram } from './kept-histogram.js';

/** How many calls of each method ended how, and how long they took inside this process. */
export function registerRpcMetrics(registry: Registry, stats: RpcStats): void {
  void new Counter({
    name: 'weir_grpc_requests_total',
    help: 'Calls answered, by method and gRPC status code.',
    labelNames: ['method', 'code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [method, { byCode }] of stats.methods)
        for (const [code, count] of byCode) this.inc({ method, code: status[code] ?? code }, count);
    },
  });
  void new KeptHistogram({
    name: 'weir_grpc_request_duration_seconds',
    help: 'Time from the request to the answer, by method.',
    labelNames: ['method'],
    bounds: LATENCY_BOUNDS_SECONDS,
    registry,
    series: () =>
      [...stats.methods].map(([method, { buckets, secondsTotal }]) => ({
        labels: { method },
        buckets,
        sum: secondsTotal,
      })),
  });
}
