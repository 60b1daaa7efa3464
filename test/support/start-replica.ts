import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterServiceService } from '../../src/gen/weir/v1/cluster_service.js';
import { GovernanceServiceService } from '../../src/gen/weir/v1/governance_service.js';
import { InspectionServiceService } from '../../src/gen/weir/v1/inspection_service.js';
import { LedgerServiceService } from '../../src/gen/weir/v1/ledger_service.js';
import { QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { type RunningService, startService } from '../../src/main.js';
import { createClient, type GrpcClient } from '../../src/rpc/grpc-client.js';
import type { Clock } from '../../src/common/clock.js';
import { silentLog } from '../../src/common/log.js';
import { removeFolder } from '../../src/common/remove-folder.js';

/** A replica under test, with a client for each of its services. */
export interface Replica {
  readonly service: RunningService;
  readonly quota: GrpcClient<typeof QuotaServiceService>;
  readonly governance: GrpcClient<typeof GovernanceServiceService>;
  readonly ledger: GrpcClient<typeof LedgerServiceService>;
  readonly cluster: GrpcClient<typeof ClusterServiceService>;
  readonly inspection: GrpcClient<typeof InspectionServiceService>;
  /** GET from the HTTP port. */
  get(path: string): Promise<Response>;
  stop(): Promise<void>;
}

/** No call waits so long on a machine that does its work; on one that is busy with something else it may. */
export const PATIENT = { deadlineMs: 60_000 };

/** Starts the real service on free ports. Overrides are dotted configuration keys. */
export async function startReplica(
  databaseUrl: string,
  overrides: Readonly<Record<string, unknown>> = {},
  clock?: Clock,
): Promise<Replica> {
  const journal = await mkdtemp(join(tmpdir(), 'weir-journal-'));
  const service = await startService({
    env: {},
    log: silentLog,
    ...(clock === undefined ? {} : { clock }),
    overrides: {
      'grpc.port': 0,
      'http.port': 0,
      'cluster.grpc.host': '127.0.0.1',
      'cluster.grpc.port': 0,
      'storage.postgres.url': databaseUrl,
      'journal.dataDir': journal,
      // Tests share a machine that may be slow; the guard and the journal have tests of their own.
      'overload.shed': false,
      'journal.ledgerMaxWaitMs': 30_000,
      ...overrides,
    },
  });
  const { grpcAddress, httpAddress } = service;
  const quota = createClient(QuotaServiceService, 'weir.v1.QuotaService', grpcAddress, PATIENT);
  const governance = createClient(
    GovernanceServiceService,
    'weir.v1.GovernanceService',
    grpcAddress,
    PATIENT,
  );
  const ledger = createClient(LedgerServiceService, 'weir.v1.LedgerService', grpcAddress, PATIENT);
  const inspection = createClient(
    InspectionServiceService,
    'weir.v1.InspectionService',
    grpcAddress,
    PATIENT,
  );
  const cluster = createClient(
    ClusterServiceService,
    'weir.v1.ClusterService',
    grpcAddress,
    PATIENT,
  );
  return {
    service,
    quota,
    governance,
    ledger,
    cluster,
    inspection,
    get: (path) => fetch(`http://${httpAddress}${path}`),
    async stop() {
      quota.close();
      governance.close();
      ledger.close();
      cluster.close();
      inspection.close();
      await service.stop();
      await removeFolder(journal);
    },
  };
}
