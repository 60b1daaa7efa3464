import { type DynamicModule, Module } from '@nestjs/common';
import { ClusterModule } from './cluster/cluster.module.js';
import { CommonModule } from './common/common.module.js';
import type { Clock } from './common/clock.js';
import type { Log } from './common/log.js';
import { ConfigModule } from './config/config.module.js';
import type { WeirConfig } from './config/weir-config.js';
import { HealthModule } from './health/health.module.js';
import { QuotaModule } from './quota/quota.module.js';
import { RpcModule } from './rpc/rpc.module.js';
import type { Database } from './storage/database.js';
import { StorageModule } from './storage/storage.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';

/** What exists before the modules do, and outlives them. */
export interface Foundations {
  readonly config: WeirConfig;
  readonly log: Log;
  readonly database: Database;
  /** Replaces the clock of the machine. */
  readonly clock?: Clock | undefined;
}

@Module({})
export class AppModule {
  static with({ config, log, database, clock }: Foundations): DynamicModule {
    return {
      module: AppModule,
      imports: [
        CommonModule.with(log, clock),
        ConfigModule.with(config),
        StorageModule.with(database),
        RpcModule,
        ClusterModule.with(config),
        QuotaModule,
        HealthModule,
        TelemetryModule,
      ],
    };
  }
}
