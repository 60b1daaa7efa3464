import type { LoggerService } from '@nestjs/common';
import type { Log } from '../common/log.js';

/** Lets the framework's own lines go where ours go; its chatter at start is of no use to an operator. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  verbose(message: unknown, context?: string): void {
    this.target.debug({ context }, String(message));
  }

  log(message: unknown, context?: string): void {
    this.target.debug({ context }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.target.warn({ context }, String(message));
  }

  error(message: unknown, ...rest: readonly unknown[]): void {
    this.target.error({ context: rest.at(-1) }, String(message));
  }
}
