import { Controller, Get } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  type HealthIndicatorResult,
  HealthIndicatorService,
} from '@nestjs/terminus';
import { HealthService } from './health.service.js';

/**
 * `/health` and `/health/ready` say whether this replica can decide, `/health/live` only that its
 * process turns: a liveness probe that asked for the database would restart every replica when the
 * database is away.
 */
@Controller('health')
export class HealthController {
  constructor(
    private readonly terminus: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly health: HealthService,
  ) {}

  @Get()
  @HealthCheck()
  all() {
    return this.terminus.check([() => this.replica()]);
  }

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.terminus.check([() => this.replica()]);
  }

  @Get('live')
  @HealthCheck()
  live() {
    return this.terminus.check([() => this.indicators.check('process').up()]);
  }

  private replica(): HealthIndicatorResult<'replica'> {
    const { state, reasons } = this.health.condition();
    const indicator = this.indicators.check('replica');
    const facts = { state, reasons: [...reasons] };
    return state === 'unavailable' ? indicator.down(facts) : indicator.up(facts);
  }
}
