import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Random } from '../common/random.js';
import { GossipDelegate } from './gossip-delegate.js';
import type { GossipSettings } from './gossip-settings.js';
import { GossipService } from './gossip.service.js';
import { GossipTransport } from './gossip-transport.js';
import { NodeGossipTransport } from './node-gossip-transport.js';

/** Needs a `Clock` and a `Random` in scope; the application's module exports its `GossipDelegate`. */
@Module({})
export class GossipModule {
  static with(settings: GossipSettings, application: Type): DynamicModule {
    return {
      module: GossipModule,
      imports: [application],
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
