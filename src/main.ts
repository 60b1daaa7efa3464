import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { checkCluster } from './cluster/gossip-settings-of.js';
import { MembershipDriver } from './cluster/membership.driver.js';
import { ReplicationDriver } from './cluster/replication.driver.js';
import type { Clock } from './common/clock.js';
import type { Log } from './common/log.js';
import type { HttpConfig } from './config/http-config.js';
import { loadConfig } from './config/load-config.js';
import type { WeirConfig } from './config/weir-config.js';
import { ClusterServiceService } from './gen/weir/v1/cluster_service.js';
import { GovernanceServiceService } from './gen/weir/v1/governance_service.js';
import { InspectionServiceService } from './gen/weir/v1/inspection_service.js';
import { LedgerServiceService } from './gen/weir/v1/ledger_service.js';
import { GrpcHealth } from './health/grpc-health.js';
import { Readiness } from './health/readiness.js';
import { addQuotaService } from './quota/quota-service.js';
import { QuotaController } from './quota/quota.controller.js';
import { RoamingReservations } from './quota/roaming-reservations.js';
import { LoadGuardDriver } from './rpc/load-guard.driver.js';
import { addReflection } from './rpc/reflection.js';
import { RpcRim } from './rpc/rpc-rim.js';
import { WeirGrpcServer } from './rpc/weir-grpc-server.js';
import { openDatabase } from './storage/open-database.js';
import { NestLog } from './telemetry/nest-log.js';
import { PinoLog } from './telemetry/pino-log.js';

export interface StartInput {
  readonly configFile?: string;
  /** Dotted configuration keys; they win over file and environment. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  readonly env?: NodeJS.ProcessEnv;
  /** Replaces the log that the configuration asks for. */
  readonly log?: Log;
  /** Replaces the clock of the machine, for tests of what happens over time. */
  readonly clock?: Clock;
  /** Ends the start where it waits for the database, or has just opened it. */
  readonly stop?: AbortSignal;
}

export interface RunningService {
  /** `host:port`, with the port that was really taken. */
  readonly grpcAddress: string;
  readonly httpAddress: string;
  /** Refuses new calls, lets those in flight end, and closes the database last. */
  stop(): Promise<void>;
}

/**
 * Starts a replica: configuration, database, modules, then the two servers. Whatever has started is
 * stopped again if a later step fails.
 *
 * @throws ConfigError with all faults at once; the reason of `stop`; Error with a sentence for an operator otherwise.
 */
export async function startService(input: StartInput = {}): Promise<RunningService> {
  const { configFile, env = process.env, overrides = {} } = input;
  const { config, warnings } = loadConfig({
    ...(configFile === undefined ? {} : { file: configFile }),
    env,
    cwd: process.cwd(),
    overrides,
  });
  checkCluster(config);
  const log = input.log ?? new PinoLog(config.log);
  for (const warning of warnings) log.warn({}, warning);
  const storage = await openDatabase(config.storage, log, input.stop);
  try {
    input.stop?.throwIfAborted();
    return await startReplica(config, log, storage, input.clock);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

type OpenDatabase = Awaited<ReturnType<typeof openDatabase>>;

async function startReplica(
  config: WeirConfig,
  log: Log,
  storage: OpenDatabase,
  clock: Clock | undefined,
): Promise<RunningService> {
  const foundations = { config, log, database: storage.database, clock };
  const app = await NestFactory.create(AppModule.with(foundations), {
    logger: new NestLog(log),
    abortOnError: false,
  });
  try {
    const grpc = grpcServer(app, config);
    app.connectMicroservice({ strategy: grpc }, { inheritAppConfig: true });
    // Policies are loaded, and counters restored, before anybody can call.
    await app.init();
    await app.startAllMicroservices();
    await listenForHttp(app, config.http);
    const httpAddress = addressOf(app, config.http.host);
    const membership = app.get(MembershipDriver);
    const replication = app.get(ReplicationDriver);
    const peer = await replication.listen();
    await membership.start({ grpc: portOf(grpc.address), http: portOf(httpAddress), peer });
    await membership.settle();
    await replication.settle();
    app.get(LoadGuardDriver).open();
    app.get(Readiness).enter('serving');
    warnIfOpen(config, log);
    log.info({ grpc: grpc.address, http: httpAddress }, 'weir is serving');
    const stop = once(() => stopReplica(app, config, log, storage));
    return { grpcAddress: grpc.address, httpAddress, stop };
  } catch (error) {
    await app.get(MembershipDriver).stop();
    await app.get(ReplicationDriver).stop();
    await app.close();
    throw error;
  }
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

function grpcServer(app: INestApplication, config: WeirConfig): WeirGrpcServer {
  const { host, port, maxMessageBytes, maxConcurrentStreams, maxSessionMemoryMegabytes } =
    config.grpc;
  const options = {
    host,
    port,
    maxMessageBytes,
    maxConcurrentStreams,
    maxSessionMemoryMegabytes,
    graceMs: config.shutdown.graceMs,
    packages: ['weir.v1'],
    controllerServices: {
      'weir.v1.ClusterService': ClusterServiceService,
      'weir.v1.GovernanceService': GovernanceServiceService,
      'weir.v1.InspectionService': InspectionServiceService,
      'weir.v1.LedgerService': LedgerServiceService,
    },
  };
  const rim = app.get(RpcRim);
  const services = [
    (server: Server) => addQuotaService(server, app.get(QuotaController), rim),
    (server: Server) => app.get(GrpcHealth).addTo(server),
    addReflection,
  ];
  return new WeirGrpcServer(options, services, rim.streams);
}

/**
 * The order matters: say so first, and keep serving while load balancers hear of it; then let calls
 * end, then the groups of debits that they left behind; then hand the other replicas what they are to
 * keep, tell them what was counted last and say farewell, and only then close the database.
 */
async function stopReplica(
  app: INestApplication,
  config: WeirConfig,
  log: Log,
  storage: OpenDatabase,
): Promise<void> {
  log.info({}, 'weir is draining');
  app.get(Readiness).enter('draining');
  await delay(config.shutdown.drainDelayMs);
  const membership = app.get(MembershipDriver);
  const replication = app.get(ReplicationDriver);
  const reservations = app.get(RoamingReservations);
  await app.close();
  const lost = await reservations.handOver();
  if (lost > 0)
    log.warn(
      { lost },
      'no other replica has taken these reservations of limits: they end with this one',
    );
  await replication.flush();
  await membership.stop();
  await replication.stop();
  await storage.close();
  log.info({}, 'weir has stopped');
}

function warnIfOpen(config: WeirConfig, log: Log): void {
  if (!config.api.allowUnauthenticatedRemoteAccess) return;
  log.warn(
    { grpc: config.grpc.host, http: config.http.host },
    'api.allowUnauthenticatedRemoteAccess is set: whoever reaches these addresses can change every limit and budget',
  );
}

async function listenForHttp(app: INestApplication, { host, port }: HttpConfig): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot listen for HTTP on ${host}:${port}: ${reason}`, { cause });
  }
}

function addressOf(app: INestApplication, host: string): string {
  const { port } = app.getHttpServer().address() as AddressInfo;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
