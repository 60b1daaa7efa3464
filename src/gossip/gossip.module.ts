import { type DynamicModule, Module } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Random } from '../common/random.js';
import { GossipDelegate } from './gossip-delegate.js';
import type { GossipSettings } from './gossip-settings.js';
import { GossipService } from './gossip.service.js';
import { GossipTransport } from './gossip-transport.js';
import { NodeGossipTransport } from './node-gossip-transport.js';

/** Needs a `Clock`, a `Random` and the application's `GossipDelegate` in scope. */
@Module({})
export class GossipModule {
  static with(settings: GossipSettings): DynamicModule {
    return {
      module: GossipModule,
      providers: [
        { provide: GossipTransport, useClass: NodeGossipTransport },
        {
          provide: GossipService,
          inject: [GossipTransport, GossipDelegate, Clock, Random],
          useFactory: (
            transport: GossipTransport,
            delegate: GossipDelegate,
            clock: Clock,
            random: Random,
          ) => new GossipService(settings, { transport, delegate, clock, random }),
        },
      ],
      exports: [GossipService],
    };
  }
}
