import { Module } from '@nestjs/common';
import { DirectoryFollower } from './directory-follower.js';
import { GrantAdminService } from './grant-admin.service.js';
import { GovernanceController } from './governance.controller.js';
import { GovernanceService } from './governance.service.js';
import { PolicyAdminService } from './policy-admin.service.js';
import { PolicyHints } from './policy-hints.js';
import { PolicyStore } from './policy-store.js';
import { PolicyWriter } from './policy-writer.js';
import { PostgresPolicyStore } from './postgres-policy-store.js';

@Module({
  controllers: [GovernanceController],
  providers: [
    DirectoryFollower,
    GovernanceService,
    GrantAdminService,
    PolicyAdminService,
    PolicyHints,
    PolicyWriter,
    { provide: PolicyStore, useClass: PostgresPolicyStore },
  ],
  exports: [DirectoryFollower, GovernanceService],
})
export class GovernanceModule {}
