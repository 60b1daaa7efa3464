import * as common from '../gen/weir/v1/common.js';
import * as proto from '../gen/weir/v1/governance_service.js';
import { toTimestamp } from '../rpc/proto-time.js';
import type {
  CustomerDraft,
  LimitDraft,
  PriceDraft,
  RecurrenceDraft,
  TeamDraft,
  VirtualKeyDraft,
} from './core/drafts.js';
import type { Customer, Limit, Price, Team, VirtualKey } from './core/model.js';
import { toDraft } from './core/record-rules.js';
import { toWindowDraft as windowDraftOf } from './core/validate-recurrence.js';
import {
  fromCalendar,
  fromMatch,
  fromNanos,
  fromOwner,
  fromTimes,
  toCalendarDraft,
  toMatchDraft,
  toMs,
  toNanos,
  toOwnerDraft,
} from './policy-proto.js';

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

export const toLimitDraft = (message: proto.Limit): LimitDraft => ({
  id: message.id,
  name: message.name,
  owner: toOwnerDraft(message.owner),
  unit: toUnit(message.unit),
  maximum: message.maximum,
  algorithm: toAlgorithm(message.algorithm),
  window: toWindowDraft(message.window),
  match: toMatchDraft(message.match),
  shadow: message.shadow,
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

export const fromLimit = (limit: Limit): proto.Limit => ({
  id: limit.id,
  name: limit.name,
  owner: fromOwner(limit.owner),
  unit: common.Unit.UNIT_REQUESTS,
  maximum: toDraft('limit', limit).maximum,
  algorithm:
    limit.algorithm === 'sliding_window'
      ? proto.Algorithm.ALGORITHM_SLIDING_WINDOW
      : proto.Algorithm.ALGORITHM_FIXED_WINDOW,
  window: fromWindow(windowDraftOf(limit.window)),
  match: fromMatch(limit.match),
  shadow: limit.shadow,
  ...fromTimes(limit),
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

function toUnit(unit: common.Unit): LimitDraft['unit'] {
  if (unit === common.Unit.UNIT_UNSPECIFIED) return 'default';
  return unit === common.Unit.UNIT_REQUESTS ? 'requests' : 'unknown';
}

function toAlgorithm(algorithm: proto.Algorithm): LimitDraft['algorithm'] {
  switch (algorithm) {
    case proto.Algorithm.ALGORITHM_UNSPECIFIED:
      return 'default';
    case proto.Algorithm.ALGORITHM_SLIDING_WINDOW:
      return 'sliding_window';
    case proto.Algorithm.ALGORITHM_FIXED_WINDOW:
      return 'fixed_window';
    case proto.Algorithm.UNRECOGNIZED:
    default:
      return 'unknown';
  }
}

function toWindowDraft(window: proto.Limit['window']): RecurrenceDraft | undefined {
  if (window === undefined) return undefined;
  if (window.$case === 'calendar') return toCalendarDraft(window.value);
  return { kind: 'duration', nanos: toNanos(window.value) };
}

function fromWindow(window: RecurrenceDraft): proto.Limit['window'] {
  switch (window.kind) {
    case 'duration':
      return { $case: 'duration', value: fromNanos(window.nanos) };
    case 'calendar':
      return { $case: 'calendar', value: fromCalendar(window) };
    case 'fixed':
    case 'lifetime':
      return undefined;
  }
}

const fromNames = (names: readonly string[] | undefined): proto.AllowList | undefined =>
  names && { names: [...names] };
