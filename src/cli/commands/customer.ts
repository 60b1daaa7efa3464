import type { Customer } from '../../gen/weir/v1/governance_service.js';
import { customer } from '../json/policy-messages.js';
import { resourceCommand } from './resource.js';
import { CREATED_COLUMN } from './columns.js';

interface Options {
  readonly name?: string;
}

export const customerCommand = resourceCommand<Customer, Options>({
  name: 'customer',
  plural: 'customers',
  summary: 'organisations that pay; they have teams and keys',
  examples: [
    { run: 'weir customer create acme --name "Acme Inc."', does: 'a customer with the id acme' },
    { run: 'weir customer list --json', does: 'all of them, for a program' },
    { run: 'weir customer update acme --name Acme', does: 'give it another name' },
  ],
  codec: customer,
  defaults: {},
  defaultName: ({ id }) => id,
  columns: [
    { title: 'ID', text: ({ id }) => id },
    { title: 'NAME', text: ({ name }) => name },
    CREATED_COLUMN,
  ],
  addOptions: (command) => command.option('--name <text>', 'for people, at most 200 characters'),
  apply: (options, draft) => {
    if (options.name === undefined) return [];
    draft.name = options.name;
    return ['name'];
  },
  rpc: {
    create: async (service, item) => ({
      item: (await service.createCustomer({ customer: item })).customer,
    }),
    get: async (service, id) => (await service.getCustomer({ id })).customer,
    list: async (service, page) => {
      const { customers, nextPageToken } = await service.listCustomers({ ...page });
      return { items: customers, nextPageToken };
    },
    update: async (service, item, updateMask) => ({
      item: (await service.updateCustomer({ customer: item, updateMask })).customer,
    }),
    delete: (service, id) => service.deleteCustomer({ id }),
  },
});
