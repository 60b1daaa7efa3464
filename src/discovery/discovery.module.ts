import { Module } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Log } from '../common/log.js';
import { Random } from '../common/random.js';
import { WeirConfig } from '../config/weir-config.js';
import { ConfiguredPeerSources } from './configured-peer-sources.js';
import { DiscoveryService } from './discovery.service.js';
import { PeerSources } from './peer-sources.js';

@Module({
  providers: [
    {
      provide: PeerSources,
      inject: [WeirConfig, Clock, Random, Log],
      useFactory: ({ cluster }: WeirConfig, clock: Clock, random: Random, log: Log) =>
        new ConfiguredPeerSources(cluster, { clock, random, log }),
    },
    DiscoveryService,
  ],
  exports: [DiscoveryService],
})
export class DiscoveryModule {}
