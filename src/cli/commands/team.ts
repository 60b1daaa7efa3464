import type { Team } from '../../gen/weir/v1/governance_service.js';
import { team } from '../json/policy-messages.js';
import { CREATED_COLUMN } from './columns.js';
import { resourceCommand } from './resource.js';

interface Options {
  readonly name?: string;
  readonly customer?: string;
}

export const teamCommand = resourceCommand<Team, Options>({
  name: 'team',
  plural: 'teams',
  summary: 'groups of keys, of a customer or of none',
  examples: [
    { run: 'weir team create search --customer acme', does: 'a team of the customer acme' },
    { run: 'weir team list --customer acme', does: "the customer's teams" },
  ],
  codec: team,
  defaults: {},
  defaultName: ({ id }) => id,
  columns: [
    { title: 'ID', text: ({ id }) => id },
    { title: 'NAME', text: ({ name }) => name },
    { title: 'CUSTOMER', text: ({ customerId }) => customerId },
    CREATED_COLUMN,
  ],
  addOptions: (command, purpose) => {
    command.option('--name <text>', 'for people, at most 200 characters');
    if (purpose === 'update') return command;
    return command.option('--customer <id>', 'the customer it belongs to; it stays there');
  },
  addFilters: (command) => command.option('--customer <id>', 'only teams of this customer'),
  apply: (options, draft) => {
    const paths: string[] = [];
    if (options.name !== undefined) {
      draft.name = options.name;
      paths.push('name');
    }
    if (options.customer !== undefined) {
      draft.customerId = options.customer;
      paths.push('customer_id');
    }
    return paths;
  },
  rpc: {
    create: async (service, item) => ({ item: (await service.createTeam({ team: item })).team }),
    get: async (service, id) => (await service.getTeam({ id })).team,
    list: async (service, page, { customer = '' }) => {
      const { teams, nextPageToken } = await service.listTeams({ ...page, customerId: customer });
      return { items: teams, nextPageToken };
    },
    update: async (service, item, updateMask) => ({
      item: (await service.updateTeam({ team: item, updateMask })).team,
    }),
    delete: (service, id) => service.deleteTeam({ id }),
  },
});
