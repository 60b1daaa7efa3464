import { Controller } from '@nestjs/common';
import { WeirConfig } from '../config/weir-config.js';
import * as proto from '../gen/weir/v1/cluster_service.js';
import { fromOutcomes, fromReplica, keyUses } from './cluster-proto.js';
import { keyIdOf } from './keyring/key-id.js';
import { KeyringService } from './keyring/keyring.service.js';
import { MembershipService } from './membership.service.js';

/** `weir.v1.ClusterService`: messages in, what this replica knows out. */
@Controller()
@proto.ClusterServiceControllerMethods()
export class ClusterController implements proto.ClusterServiceController {
  constructor(
    private readonly membership: MembershipService,
    private readonly keyring: KeyringService,
    private readonly config: WeirConfig,
  ) {}

  listMembers(): proto.ListMembersResponse {
    const { settingsHash } = this.membership;
    const members = this.membership.replicas().map((one) => fromReplica(one, settingsHash));
    return { members };
  }

  getReplicaStatus(): proto.GetReplicaStatusResponse {
    const status = this.membership.gossipStatus();
    const counts = Object.entries(status?.counts ?? {});
    return {
      self: fromReplica(this.membership.self(), this.membership.settingsHash),
      clustered: this.membership.isClustered,
      clusterName: this.membership.isClustered ? this.config.cluster.name : '',
      healthScore: status?.healthScore ?? 0,
      queuedBroadcasts: status?.queuedBroadcasts ?? 0,
      queuedMessages: status?.queuedMessages ?? 0,
      sealed: status?.isSealed ?? false,
      counts: Object.fromEntries(counts.map(([name, count]) => [name, BigInt(count)])),
    };
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
