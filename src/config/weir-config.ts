import { ApiConfig } from './api-config.js';
import { ClusterConfig } from './cluster-config.js';
import { CountersConfig } from './counters-config.js';
import { DebitsConfig } from './debits-config.js';
import { GovernanceConfig } from './governance-config.js';
import { GrpcConfig } from './grpc-config.js';
import { HttpConfig } from './http-config.js';
import { JournalConfig } from './journal-config.js';
import { Block } from './knob.js';
import { LogConfig } from './log-config.js';
import { OverloadConfig } from './overload-config.js';
import { ShutdownConfig } from './shutdown-config.js';
import { StorageConfig } from './storage-config.js';

/**
 * Everything that can be set. To add a block, write its class with knobs and name it here; the names
 * of its variables, its checks and its documentation follow.
 */
export class WeirConfig {
  @Block(GrpcConfig)
  readonly grpc: GrpcConfig = new GrpcConfig();

  @Block(HttpConfig)
  readonly http: HttpConfig = new HttpConfig();

  @Block(ApiConfig)
  readonly api: ApiConfig = new ApiConfig();

  @Block(LogConfig)
  readonly log: LogConfig = new LogConfig();

  @Block(StorageConfig)
  readonly storage: StorageConfig = new StorageConfig();

  @Block(GovernanceConfig)
  readonly governance: GovernanceConfig = new GovernanceConfig();

  @Block(DebitsConfig)
  readonly debits: DebitsConfig = new DebitsConfig();

  @Block(JournalConfig)
  readonly journal: JournalConfig = new JournalConfig();

  @Block(CountersConfig)
  readonly counters: CountersConfig = new CountersConfig();

  @Block(ClusterConfig)
  readonly cluster: ClusterConfig = new ClusterConfig();

  @Block(OverloadConfig)
  readonly overload: OverloadConfig = new OverloadConfig();

  @Block(ShutdownConfig)
  readonly shutdown: ShutdownConfig = new ShutdownConfig();
}
