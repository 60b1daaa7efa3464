import { Injectable } from '@nestjs/common';
import { HealthImplementation } from 'grpc-health-check';
import type { Server } from '@grpc/grpc-js';
import { Readiness } from './readiness.js';

/** Services whose health can be asked for; the empty name is the server as a whole. */
const SERVICES = [
  '',
  'weir.v1.QuotaService',
  'weir.v1.GovernanceService',
  'weir.v1.LedgerService',
  'weir.v1.ClusterService',
  'weir.v1.InspectionService',
];

/** `grpc.health.v1`: follows readiness, so that a client's load balancer learns of a drain at once. */
@Injectable()
export class GrpcHealth {
  private readonly implementation = new HealthImplementation();

  constructor(readiness: Readiness) {
    this.follow(readiness.phase);
    readiness.onChange((phase) => this.follow(phase));
  }

  addTo(server: Server): void {
    this.implementation.addToServer(server);
  }

  private follow(phase: Readiness['phase']): void {
    const status = phase === 'serving' ? 'SERVING' : 'NOT_SERVING';
    for (const service of SERVICES) this.implementation.setStatus(service, status);
  }
}
