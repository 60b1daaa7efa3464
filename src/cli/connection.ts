import { type Command, InvalidArgumentError } from 'commander';
import {
  type ClusterServiceService as ClusterMethods,
  ClusterServiceService,
} from '../gen/weir/v1/cluster_service.js';
import {
  type GovernanceServiceService as GovernanceMethods,
  GovernanceServiceService,
} from '../gen/weir/v1/governance_service.js';
import {
  type InspectionServiceService as InspectionMethods,
  InspectionServiceService,
} from '../gen/weir/v1/inspection_service.js';
import {
  type LedgerServiceService as LedgerMethods,
  LedgerServiceService,
} from '../gen/weir/v1/ledger_service.js';
import {
  type QuotaServiceService as QuotaMethods,
  QuotaServiceService,
} from '../gen/weir/v1/quota_service.js';
import { createClient, type GrpcClient } from '../rpc/grpc-client.js';
import { parseDuration } from './input/duration.js';

export interface ConnectionOptions {
  readonly target?: string;
  /** In milliseconds. */
  readonly timeout?: number;
}

/** The services at one address. */
export interface Connection {
  readonly address: string;
  readonly quota: GrpcClient<QuotaMethods>;
  readonly governance: GrpcClient<GovernanceMethods>;
  readonly ledger: GrpcClient<LedgerMethods>;
  readonly cluster: GrpcClient<ClusterMethods>;
  readonly inspection: GrpcClient<InspectionMethods>;
  close(): void;
}

export const DEFAULT_TARGET = '127.0.0.1:50051';
const DEFAULT_TIMEOUT_MS = 10_000;

export function addConnectionOptions(command: Command): Command {
  return command
    .option(
      '--target <host:port>',
      `the service (default: WEIR_TARGET or ${DEFAULT_TARGET})`,
      target,
    )
    .option('--timeout <duration>', 'how long to wait for an answer (default: 10s)', timeout);
}

export function connect(address: string, timeoutMs: number = DEFAULT_TIMEOUT_MS): Connection {
  const options = { deadlineMs: timeoutMs };
  const quota = createClient(QuotaServiceService, 'weir.v1.QuotaService', address, options);
  const governance = createClient(
    GovernanceServiceService,
    'weir.v1.GovernanceService',
    address,
    options,
  );
  const ledger = createClient(LedgerServiceService, 'weir.v1.LedgerService', address, options);
  const cluster = createClient(ClusterServiceService, 'weir.v1.ClusterService', address, options);
  const inspection = createClient(
    InspectionServiceService,
    'weir.v1.InspectionService',
    address,
    options,
  );
  const close = (): void => {
    for (const client of [quota, governance, ledger, cluster, inspection]) client.close();
  };
  return { address, quota, governance, ledger, cluster, inspection, close };
}

/** HOST:PORT, as it was typed. */
export function target(text: string): string {
  const found = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(text);
  const port = Number(found?.[1] ?? 0);
  if (port >= 1 && port <= 65_535) return text;
  throw new InvalidArgumentError('Give HOST:PORT, such as 127.0.0.1:50051 or [::1]:50051.');
}

function timeout(text: string): number {
  const ms = parseDuration(text);
  if (ms >= 1 && ms <= 3_600_000) return ms;
  throw new InvalidArgumentError('Give a duration from 1ms to 1h.');
}
