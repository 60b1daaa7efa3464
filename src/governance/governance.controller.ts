import { Controller } from '@nestjs/common';
import { invalidArgument } from '../common/domain-error.js';
import * as proto from '../gen/weir/v1/governance_service.js';
import type { OwnerDraft } from './core/drafts.js';
import type { Owner, RecordByKind, RecordKind } from './core/model.js';
import { fromBudget, fromGrant, toBudgetDraft, toGrantDraft } from './budget-proto.js';
import * as convert from './governance-proto.js';
import { GrantAdminService } from './grant-admin.service.js';
import { fromLimit, toLimitDraft } from './limit-proto.js';
import { cutPage, readPage } from './page-token.js';
import { toOwnerDraft } from './policy-proto.js';
import { PolicyAdminService } from './policy-admin.service.js';
import type { Filter } from './policy-store.js';

/** `weir.v1.GovernanceService`: messages in, drafts on, records out. */
@Controller()
@proto.GovernanceServiceControllerMethods()
export class GovernanceController implements proto.GovernanceServiceController {
  constructor(
    private readonly admin: PolicyAdminService,
    private readonly grants: GrantAdminService,
  ) {}

  async createCustomer(
    request: proto.CreateCustomerRequest,
  ): Promise<proto.CreateCustomerResponse> {
    const draft = convert.toCustomerDraft(given(request.customer, 'customer'));
    return { customer: convert.fromCustomer(await this.admin.createCustomer(draft)) };
  }

  async getCustomer({ id }: proto.GetCustomerRequest): Promise<proto.GetCustomerResponse> {
    return { customer: convert.fromCustomer(await this.admin.get('customer', id)) };
  }

  async listCustomers(request: proto.ListCustomersRequest): Promise<proto.ListCustomersResponse> {
    const { records, nextPageToken } = await this.page('customer', {}, request);
    return { customers: records.map(convert.fromCustomer), nextPageToken };
  }

  async updateCustomer(
    request: proto.UpdateCustomerRequest,
  ): Promise<proto.UpdateCustomerResponse> {
    const wanted = convert.toCustomerDraft(given(request.customer, 'customer'));
    const { after } = await this.admin.update('customer', {
      wanted,
      paths: request.updateMask ?? [],
    });
    return { customer: convert.fromCustomer(after) };
  }

  async deleteCustomer({ id }: proto.DeleteCustomerRequest): Promise<proto.DeleteCustomerResponse> {
    await this.admin.delete('customer', id);
    return {};
  }

  async createTeam(request: proto.CreateTeamRequest): Promise<proto.CreateTeamResponse> {
    const draft = convert.toTeamDraft(given(request.team, 'team'));
    return { team: convert.fromTeam(await this.admin.createTeam(draft)) };
  }

  async getTeam({ id }: proto.GetTeamRequest): Promise<proto.GetTeamResponse> {
    return { team: convert.fromTeam(await this.admin.get('team', id)) };
  }

  async listTeams(request: proto.ListTeamsRequest): Promise<proto.ListTeamsResponse> {
    const filter = { customerId: optional(request.customerId) };
    const { records, nextPageToken } = await this.page('team', filter, request);
    return { teams: records.map(convert.fromTeam), nextPageToken };
  }

  async updateTeam(request: proto.UpdateTeamRequest): Promise<proto.UpdateTeamResponse> {
    const wanted = convert.toTeamDraft(given(request.team, 'team'));
    const { after } = await this.admin.update('team', { wanted, paths: request.updateMask ?? [] });
    return { team: convert.fromTeam(after) };
  }

  async deleteTeam({ id }: proto.DeleteTeamRequest): Promise<proto.DeleteTeamResponse> {
    await this.admin.delete('team', id);
    return {};
  }

  async createVirtualKey(
    request: proto.CreateVirtualKeyRequest,
  ): Promise<proto.CreateVirtualKeyResponse> {
    const draft = convert.toVirtualKeyDraft(given(request.virtualKey, 'virtual_key'));
    const { key, secret } = await this.admin.createVirtualKey(draft);
    return { virtualKey: convert.fromVirtualKey(key), secret };
  }

  async getVirtualKey({ id }: proto.GetVirtualKeyRequest): Promise<proto.GetVirtualKeyResponse> {
    return { virtualKey: convert.fromVirtualKey(await this.admin.get('virtual_key', id)) };
  }

  async listVirtualKeys(
    request: proto.ListVirtualKeysRequest,
  ): Promise<proto.ListVirtualKeysResponse> {
    const filter = { customerId: optional(request.customerId), teamId: optional(request.teamId) };
    const { records, nextPageToken } = await this.page('virtual_key', filter, request);
    return { virtualKeys: records.map(convert.fromVirtualKey), nextPageToken };
  }

  async updateVirtualKey(
    request: proto.UpdateVirtualKeyRequest,
  ): Promise<proto.UpdateVirtualKeyResponse> {
    const wanted = convert.toVirtualKeyDraft(given(request.virtualKey, 'virtual_key'));
    const { after } = await this.admin.update('virtual_key', {
      wanted,
      paths: request.updateMask ?? [],
    });
    return { virtualKey: convert.fromVirtualKey(after) };
  }

  async rotateVirtualKey({
    id,
  }: proto.RotateVirtualKeyRequest): Promise<proto.RotateVirtualKeyResponse> {
    const { key, secret } = await this.admin.rotateVirtualKey(id);
    return { virtualKey: convert.fromVirtualKey(key), secret };
  }

  async deleteVirtualKey({
    id,
  }: proto.DeleteVirtualKeyRequest): Promise<proto.DeleteVirtualKeyResponse> {
    await this.admin.delete('virtual_key', id);
    return {};
  }

  async createLimit(request: proto.CreateLimitRequest): Promise<proto.CreateLimitResponse> {
    const draft = toLimitDraft(given(request.limit, 'limit'));
    return { limit: fromLimit(await this.admin.createLimit(draft)) };
  }

  async getLimit({ id }: proto.GetLimitRequest): Promise<proto.GetLimitResponse> {
    return { limit: fromLimit(await this.admin.get('limit', id)) };
  }

  async listLimits(request: proto.ListLimitsRequest): Promise<proto.ListLimitsResponse> {
    const filter = { owner: toOwner(toOwnerDraft(request.owner)) };
    const { records, nextPageToken } = await this.page('limit', filter, request);
    return { limits: records.map(fromLimit), nextPageToken };
  }

  async updateLimit(request: proto.UpdateLimitRequest): Promise<proto.UpdateLimitResponse> {
    const wanted = toLimitDraft(given(request.limit, 'limit'));
    const { before, after } = await this.admin.update('limit', {
      wanted,
      paths: request.updateMask ?? [],
    });
    const counterRestarted = before.generation !== after.generation;
    return { limit: fromLimit(after), counterRestarted };
  }

  async deleteLimit({ id }: proto.DeleteLimitRequest): Promise<proto.DeleteLimitResponse> {
    await this.admin.delete('limit', id);
    return {};
  }

  async createBudget(request: proto.CreateBudgetRequest): Promise<proto.CreateBudgetResponse> {
    const draft = toBudgetDraft(given(request.budget, 'budget'));
    return { budget: fromBudget(await this.admin.createBudget(draft)) };
  }

  async getBudget({ id }: proto.GetBudgetRequest): Promise<proto.GetBudgetResponse> {
    return { budget: fromBudget(await this.admin.get('budget', id)) };
  }

  async listBudgets(request: proto.ListBudgetsRequest): Promise<proto.ListBudgetsResponse> {
    const filter = { owner: toOwner(toOwnerDraft(request.owner)) };
    const { records, nextPageToken } = await this.page('budget', filter, request);
    return { budgets: records.map(fromBudget), nextPageToken };
  }

  async updateBudget(request: proto.UpdateBudgetRequest): Promise<proto.UpdateBudgetResponse> {
    const wanted = toBudgetDraft(given(request.budget, 'budget'));
    const { before, after } = await this.admin.update('budget', {
      wanted,
      paths: request.updateMask ?? [],
    });
    const periodRestarted = before.generation !== after.generation;
    return { budget: fromBudget(after), periodRestarted };
  }

  async deleteBudget({ id }: proto.DeleteBudgetRequest): Promise<proto.DeleteBudgetResponse> {
    await this.admin.delete('budget', id);
    return {};
  }

  async createGrant(request: proto.CreateGrantRequest): Promise<proto.CreateGrantResponse> {
    const draft = toGrantDraft(given(request.grant, 'grant'));
    return { grant: fromGrant(await this.grants.create(draft)) };
  }

  async getGrant({ id }: proto.GetGrantRequest): Promise<proto.GetGrantResponse> {
    return { grant: fromGrant(await this.grants.get(id)) };
  }

  async listGrants(request: proto.ListGrantsRequest): Promise<proto.ListGrantsResponse> {
    const page = readPage(request);
    const wanted = { ...page, size: page.size + 1 };
    const found = await this.grants.list(optional(request.budgetId), wanted);
    const { records, nextPageToken } = cutPage(found, page);
    return { grants: records.map(fromGrant), nextPageToken };
  }

  async createPrice(request: proto.CreatePriceRequest): Promise<proto.CreatePriceResponse> {
    const draft = convert.toPriceDraft(given(request.price, 'price'));
    return { price: convert.fromPrice(await this.admin.createPrice(draft)) };
  }

  async getPrice({ id }: proto.GetPriceRequest): Promise<proto.GetPriceResponse> {
    return { price: convert.fromPrice(await this.admin.get('price', id)) };
  }

  async listPrices(request: proto.ListPricesRequest): Promise<proto.ListPricesResponse> {
    const filter = { provider: optional(request.provider) };
    const { records, nextPageToken } = await this.page('price', filter, request);
    return { prices: records.map(convert.fromPrice), nextPageToken };
  }

  async updatePrice(request: proto.UpdatePriceRequest): Promise<proto.UpdatePriceResponse> {
    const wanted = convert.toPriceDraft(given(request.price, 'price'));
    const { after } = await this.admin.update('price', { wanted, paths: request.updateMask ?? [] });
    return { price: convert.fromPrice(after) };
  }

  async deletePrice({ id }: proto.DeletePriceRequest): Promise<proto.DeletePriceResponse> {
    await this.admin.delete('price', id);
    return {};
  }

  async importPrices({ prices }: proto.ImportPricesRequest): Promise<proto.ImportPricesResponse> {
    return this.admin.importPrices(prices.map(convert.toPriceDraft));
  }

  private async page<K extends RecordKind>(
    kind: K,
    filter: Filter,
    request: { readonly pageSize: number; readonly pageToken: string },
  ): Promise<{ readonly records: readonly RecordByKind[K][]; readonly nextPageToken: string }> {
    const page = readPage(request);
    const records = await this.admin.list(kind, filter, { ...page, size: page.size + 1 });
    return cutPage<RecordByKind[K]>(records, page);
  }
}

function given<T>(message: T | undefined, field: string): T {
  if (message === undefined) throw invalidArgument([{ field, description: 'is missing' }]);
  return message;
}

const optional = (text: string): string | undefined => (text === '' ? undefined : text);

function toOwner(draft: OwnerDraft | undefined): Owner | undefined {
  if (draft === undefined) return undefined;
  if (draft.kind !== undefined) return { kind: draft.kind, id: draft.id };
  const description = 'must say whose policies to list: root, customer, team or virtual key';
  throw invalidArgument([{ field: 'owner.kind', description }]);
}
