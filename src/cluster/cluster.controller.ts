import { Controller } from '@nestjs/common';
import { WeirConfig } from '../config/weir-config.js';
import * as proto from '../gen/weir/v1/cluster_service.js';
import { durationOf, fromOutcomes, fromReplica, keyUses } from './cluster-proto.js';
import { keyIdOf } from './keyring/key-id.js';
import { KeyringService } from './keyring/keyring.service.js';
import type { Replica } from './replica.js';
import { ClusterReport } from './cluster-report.js';

/** `weir.v1.ClusterService`: messages in, what this replica knows out. */
@Controller()
@proto.ClusterServiceControllerMethods()
export class ClusterController implements proto.ClusterServiceController {
  constructor(
    private readonly report: ClusterReport,
    private readonly keyring: KeyringService,
    private readonly config: WeirConfig,
  ) {}

  listMembers(): proto.ListMembersResponse {
    const { membership } = this.report;
    return { members: membership.replicas().map((one) => this.member(one)) };
  }

  getReplicaStatus(): proto.GetReplicaStatusResponse {
    const { membership, replication } = this.report;
    const status = membership.gossipStatus();
    const counts = Object.entries(status?.counts ?? {});
    return {
      self: this.member(membership.self()),
      clustered: membership.isClustered,
      clusterName: membership.isClustered ? this.config.cluster.name : '',
      healthScore: status?.healthScore ?? 0,
      queuedBroadcasts: status?.queuedBroadcasts ?? 0,
      queuedMessages: status?.queuedMessages ?? 0,
      sealed: status?.isSealed ?? false,
      counts: Object.fromEntries(counts.map(([name, count]) => [name, BigInt(count)])),
      freshness: durationOf(replication.freshnessMs()),
      isRelay: replication.isRelay,
    };
  }

  private member(replica: Replica): proto.Member {
    const { settingsHash } = this.report.membership;
    return fromReplica(replica, this.report.peer(replica), settingsHash);
  }

  async installKey({ key }: proto.InstallKeyRequest): Promise<proto.InstallKeyResponse> {
    const outcomes = await this.keyring.install(Uint8Array.from(key));
    return { keyId: keyIdOf(key), answers: fromOutcomes(outcomes) };
  }

  async useKey({ keyId }: proto.UseKeyRequest): Promise<proto.UseKeyResponse> {
    return { answers: fromOutcomes(await this.keyring.use(keyId)) };
  }

  async removeKey({ keyId }: proto.RemoveKeyRequest): Promise<proto.RemoveKeyResponse> {
    return { answers: fromOutcomes(await this.keyring.remove(keyId)) };
  }

  async listKeys(): Promise<proto.ListKeysResponse> {
    const outcomes = await this.keyring.list();
    return { keys: keyUses(outcomes), answers: fromOutcomes(outcomes) };
  }
}
