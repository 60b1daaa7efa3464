import { type DynamicModule, Global, Module } from '@nestjs/common';
import { WeirConfig } from './weir-config.js';

/** Gives the configuration, which is loaded and checked before Nest starts, to whoever asks for it. */
@Global()
@Module({})
export class ConfigModule {
  static with(config: WeirConfig): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: WeirConfig, useValue: config }],
      exports: [WeirConfig],
    };
  }
}
