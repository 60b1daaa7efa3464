import { Injectable, Optional } from '@nestjs/common';
import { DomainError, invalidArgument } from '../../common/domain-error.js';
import { isKeyLength } from '../../gossip/core/keyring.js';
import { GossipService } from '../../gossip/gossip.service.js';
import { MembershipService } from '../membership.service.js';
import { isUp } from '../replica.js';
import { KeyringQueries } from './keyring-queries.js';
import type { KeyOperation, KeyOutcome } from './own-keyring.js';

export interface MemberOutcome extends KeyOutcome {
  readonly member: string;
}

/**
 * The keys of the gossip across the cluster. A rotation is three steps, and each is refused while the
 * one before is not done everywhere: a replica that could not open what others seal would be lost.
 */
@Injectable()
export class KeyringService {
  constructor(
    private readonly membership: MembershipService,
    private readonly queries: KeyringQueries,
    @Optional() private readonly gossip?: GossipService,
  ) {}

  async list(): Promise<readonly MemberOutcome[]> {
    this.requireSealed();
    return this.everywhere({ kind: 'list' });
  }

  async install(key: Uint8Array): Promise<readonly MemberOutcome[]> {
    this.requireSealed();
    if (isKeyLength(key.length)) return this.everywhere({ kind: 'install', key });
    const description = `has ${key.length} bytes; a key has 16, 24 or 32`;
    throw invalidArgument([{ field: 'key', description }]);
  }

  async use(keyId: string): Promise<readonly MemberOutcome[]> {
    await this.requireEverywhere(
      keyId,
      ({ keyIds }) => keyIds.includes(keyId),
      'does not have it; install it there first',
    );
    return this.everywhere({ kind: 'use', keyId });
  }

  async remove(keyId: string): Promise<readonly MemberOutcome[]> {
    await this.requireEverywhere(
      keyId,
      ({ keyIds }) => keyIds[0] !== keyId,
      'seals with it; use another one first',
    );
    return this.everywhere({ kind: 'remove', keyId });
  }

  /** Asked one by one at the end, and of all before anything is changed. */
  private async requireEverywhere(
    keyId: string,
    isReady: (outcome: MemberOutcome) => boolean,
    why: string,
  ): Promise<void> {
    if (!/^[0-9a-f]{12}$/.test(keyId)) {
      const description = 'is no key id; "weir keyring list" shows them';
      throw invalidArgument([{ field: 'key_id', description }]);
    }
    const outcomes = await this.list();
    const problems = outcomes
      .filter((outcome) => outcome.problem !== '' || !isReady(outcome))
      .map(({ member, problem }) => `${member} ${problem === '' ? why : problem}`);
    if (problems.length === 0) return;
    throw new DomainError('FAILED_PRECONDITION', `key ${keyId}: ${problems.join('; ')}`);
  }

  private everywhere(operation: KeyOperation): Promise<readonly MemberOutcome[]> {
    const members = this.membership.replicas().filter(isUp);
    return Promise.all(
      members.map(async ({ name: member, facts }) => {
        if (facts !== undefined) {
          return { ...(await this.queries.ask(member, operation)), member };
        }
        return { member, problem: 'is not a replica of Weir; change its keys itself', keyIds: [] };
      }),
    );
  }

  /** Keys are not sent in clear, and not taken from whoever can reach a port. */
  private requireSealed(): void {
    if (this.gossip?.trustsSenders === true) return;
    throw new DomainError(
      'FAILED_PRECONDITION',
      this.gossip === undefined
        ? 'this replica runs alone: there is no gossip to seal (cluster.enabled)'
        : 'the gossip is not sealed: give every replica a first key in cluster.gossip.keyFile, ' +
            'and leave cluster.gossip.verifyIncoming on',
    );
  }
}
