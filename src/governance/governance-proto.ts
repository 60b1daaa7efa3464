import type * as proto from '../gen/weir/v1/governance_service.js';
import { toTimestamp } from '../rpc/proto-time.js';
import type { CustomerDraft, PriceDraft, TeamDraft, VirtualKeyDraft } from './core/drafts.js';
import type { Customer, Price, Team, VirtualKey } from './core/model.js';
import { fromTimes, toMs } from './policy-proto.js';

/**
 * Between the messages of `weir.v1.GovernanceService` and the domain. Nothing is decided or refused
 * here: a draft can say all that a message can, so that the rules find every fault at once.
 */
export const toCustomerDraft = ({ id, name }: proto.Customer): CustomerDraft => ({ id, name });

export const toTeamDraft = ({ id, name, customerId }: proto.Team): TeamDraft => ({
  id,
  name,
  customerId,
});

export const toVirtualKeyDraft = (message: proto.VirtualKey): VirtualKeyDraft => ({
  id: message.id,
  name: message.name,
  teamId: message.teamId,
  customerId: message.customerId,
  active: message.active,
  expiresAtMs: toMs(message.expiresAt),
  allowedProviders: message.allowedProviders?.names,
  allowedModels: message.allowedModels?.names,
});

export const toPriceDraft = (message: proto.Price): PriceDraft => ({
  id: message.id,
  provider: message.provider,
  model: message.model,
  inputPicos: message.inputPicoUsdPerToken,
  cachedInputPicos: message.cachedInputPicoUsdPerToken,
  outputPicos: message.outputPicoUsdPerToken,
  reasoningPicos: message.reasoningPicoUsdPerToken,
});

export const fromCustomer = (customer: Customer): proto.Customer => ({
  id: customer.id,
  name: customer.name,
  ...fromTimes(customer),
});

export const fromTeam = (team: Team): proto.Team => ({
  id: team.id,
  name: team.name,
  customerId: team.customerId ?? '',
  ...fromTimes(team),
});

export const fromVirtualKey = (key: VirtualKey): proto.VirtualKey => ({
  id: key.id,
  name: key.name,
  teamId: key.teamId ?? '',
  customerId: key.customerId ?? '',
  active: key.active,
  expiresAt: key.expiresAt === undefined ? undefined : toTimestamp(key.expiresAt),
  allowedProviders: fromNames(key.allowedProviders),
  allowedModels: fromNames(key.allowedModels),
  secretHint: key.secretHint,
  ...fromTimes(key),
});

export const fromPrice = (price: Price): proto.Price => ({
  id: price.id,
  provider: price.provider,
  model: price.model,
  inputPicoUsdPerToken: price.inputPicos,
  cachedInputPicoUsdPerToken: price.cachedInputPicos,
  outputPicoUsdPerToken: price.outputPicos,
  reasoningPicoUsdPerToken: price.reasoningPicos,
  revision: price.revision,
  ...fromTimes(price),
});

const fromNames = (names: readonly string[] | undefined): proto.AllowList | undefined =>
  names && { names: [...names] };
