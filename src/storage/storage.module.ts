import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Database } from './database.js';

/** Gives the database, which is opened before Nest starts and closed after it has stopped. */
@Global()
@Module({})
export class StorageModule {
  static with(database: Database): DynamicModule {
    return {
      module: StorageModule,
      providers: [{ provide: Database, useValue: database }],
      exports: [Database],
    };
  }
}
