import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CommonModule } from '../../src/common/common.module.js';
import { silentLog } from '../../src/common/log.js';
import { GossipDelegate } from '../../src/gossip/gossip-delegate.js';
import { GossipModule } from '../../src/gossip/gossip.module.js';
import { GossipService } from '../../src/gossip/gossip.service.js';
import { RecordingGossipDelegate } from '../../src/gossip/recording-gossip-delegate.js';

@Module({
  providers: [{ provide: GossipDelegate, useClass: RecordingGossipDelegate }],
  exports: [GossipDelegate],
})
class ApplicationModule {}

describe('gossip module', () => {
  it('gives a service that starts, is alone, and stops', async () => {
    const settings = { name: 'n1', bindHost: '127.0.0.1', port: 0, preset: 'lan' } as const;
    const module = await Test.createTestingModule({
      imports: [CommonModule.with(silentLog), GossipModule.with(settings, ApplicationModule)],
    }).compile();
    const service = module.get(GossipService);
    expect(() => service.members()).toThrow('has not started');
    await service.start();
    expect(service.members().map(({ name }) => name)).toEqual(['n1']);
    await service.leave(1_000);
    expect(service.self.member.state).toBe('left');
    await service.stop();
  });
});
