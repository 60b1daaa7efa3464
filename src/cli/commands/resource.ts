import type { Command } from 'commander';
import type { Connection } from '../connection.js';
import type { CliCommand, Example } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { CliError } from '../exit-code.js';
import { readDocument } from '../input/document.js';
import { integerBetween } from '../input/numbers.js';
import { type Codec, readObject } from '../json/codec.js';
import { listUpTo, type Page, PAGE_SIZE_MAX, type PageRequest } from '../paging.js';
import { printable } from '../output/printable.js';
import { type Column, renderFacts } from '../output/table.js';

type Governance = Connection['governance'];

/** Something that can be created, read, listed, changed and deleted. `O`: the options it adds. */
export interface Resource<T, O> {
  /** `limit` */
  readonly name: string;
  readonly plural: string;
  /** What the list is called in JSON, if not as its plural. */
  readonly listField?: string;
  readonly summary: string;
  readonly examples: readonly Example[];
  readonly codec: Codec<T>;
  /** What a new one has if nothing is said, as proto3 JSON. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly columns: readonly Column<T>[];
  /** What is shown of one item, besides the columns of a list. */
  readonly details?: readonly Column<T>[];
  /** What a new one is called if nothing is said. */
  defaultName?(draft: T): string;
  addOptions(command: Command, purpose: 'create' | 'update'): Command;
  addFilters?(command: Command): Command;
  /** Writes into the draft what the options say, and answers the paths of what they said. */
  apply(options: O, draft: T): readonly string[];
  /** Refuses a new one that lacks what only the command line can explain. */
  checkNew?(draft: T, options: O): void;
  readonly rpc: ResourceRpc<T, O>;
}

/** What it takes to show one, and to list them. */
type Shown<T, O> = Pick<Resource<T, O>, 'name' | 'codec' | 'columns' | 'details'>;
type Listed<T, O> = Shown<T, O> &
  Pick<Resource<T, O>, 'plural' | 'listField' | 'addFilters'> & {
    readonly rpc: Pick<ResourceRpc<T, O>, 'list'>;
  };

export interface ResourceRpc<T, O> {
  create(service: Governance, item: T): Promise<Saved<T>>;
  get(service: Governance, id: string): Promise<T | undefined>;
  list(service: Governance, page: PageRequest, filter: O): Promise<Page<T>>;
  update(service: Governance, item: T, updateMask: string[]): Promise<Saved<T>>;
  delete(service: Governance, id: string): Promise<unknown>;
}

export interface Saved<T> {
  readonly item: T | undefined;
  /** Shown once, below the item. */
  readonly secret?: string;
  /** What a person should know about the change. */
  readonly note?: string;
  /** The same for programs: fields beside the item in the JSON answer. */
  readonly extra?: Readonly<Record<string, boolean>>;
}

/** The group `weir limit ..` with its five commands. `more` adds those that only one has. */
export function resourceCommand<T extends { id: string }, O>(
  resource: Resource<T, O>,
  more?: (group: Command, context: CliContext) => void,
): CliCommand {
  const { name, summary, examples } = resource;
  return {
    name,
    summary,
    examples,
    register: (program, context) => {
      const group = program.command(name).description(summary);
      addCreate(group, context, resource);
      addGet(group, context, resource);
      addList(group, context, resource);
      addUpdate(group, context, resource);
      addDelete(group, context, resource);
      more?.(group, context);
    },
  };
}

function addCreate<T extends { id: string }, O>(
  group: Command,
  context: CliContext,
  resource: Resource<T, O>,
): void {
  const command = group
    .command('create')
    .description(`create a ${resource.name}`)
    .argument('[id]', 'letters, digits, "_", "-" and ".", at most 64; made up if left out');
  resource
    .addOptions(context.addCommonOptions(command), 'create')
    .option('--from <file>', 'start from a JSON or YAML document (proto3 JSON), "-" for stdin')
    .action(async (id: string | undefined, options: O & CommonOptions & { from?: string }) => {
      const draft = await draftFrom(resource, options.from, context);
      if (id !== undefined) draft.id = id;
      resource.apply(options, draft);
      resource.checkNew?.(draft, options);
      nameUnnamed(resource, draft);
      const saved = await context.withService(options, ({ governance }) =>
        resource.rpc.create(governance, draft),
      );
      showSaved(context, resource, options, saved);
    });
}

export function addGet<T, O>(
  group: Command,
  context: CliContext,
  resource: Shown<T, O> & { readonly rpc: Pick<ResourceRpc<T, O>, 'get'> },
): void {
  const command = group.command('get').description(`show a ${resource.name}`).argument('<id>');
  context.addCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    const item = await context.withService(options, ({ governance }) =>
      resource.rpc.get(governance, id),
    );
    showSaved(context, resource, options, { item });
  });
}

export function addList<T, O>(group: Command, context: CliContext, resource: Listed<T, O>): void {
  const command = group.command('list').description(`list ${resource.plural}, by id`);
  const withFilters = resource.addFilters?.(command) ?? command;
  context
    .addCommonOptions(withFilters)
    .option('--first <n>', 'show at most so many', integerBetween(1, 100_000), PAGE_SIZE_MAX)
    .action(async (options: O & CommonOptions & { first: number }) => {
      const page = await context.withService(options, ({ governance }) =>
        listUpTo(options.first, (request) => resource.rpc.list(governance, request, options)),
      );
      context.answer(options, {
        json: () => ({
          [resource.listField ?? resource.plural]: page.items.map(
            (item) => resource.codec.write(item) ?? null,
          ),
          more: page.nextPageToken !== '',
        }),
        text: () => listText(context, resource, page),
      });
    });
}

function addUpdate<T extends { id: string }, O>(
  group: Command,
  context: CliContext,
  resource: Resource<T, O>,
): void {
  const command = group
    .command('update')
    .description(`change a ${resource.name}: what the options name, and nothing else`)
    .argument('<id>');
  resource
    .addOptions(context.addCommonOptions(command), 'update')
    .action(async (id: string, options: O & CommonOptions) => {
      const draft = resource.codec.blank();
      draft.id = id;
      const mask = [...resource.apply(options, draft)];
      if (mask.length === 0) {
        throw new CliError(
          `Nothing to change. Name what to change; see \`weir ${resource.name} update --help\`.`,
        );
      }
      const saved = await context.withService(options, ({ governance }) =>
        resource.rpc.update(governance, draft, mask),
      );
      showSaved(context, resource, options, saved);
    });
}

function addDelete<T, O>(group: Command, context: CliContext, resource: Resource<T, O>): void {
  const command = group.command('delete').description(`delete a ${resource.name}`).argument('<id>');
  context.addCommonOptions(command).action(async (id: string, options: CommonOptions) => {
    await context.withService(options, ({ governance }) => resource.rpc.delete(governance, id));
    context.answer(options, {
      json: () => ({ deleted: id }),
      text: () => `Deleted ${resource.name} ${printable(id)}.\n`,
    });
  });
}

/** The service wants a name for people; whoever gives none gets one that says what it is. */
function nameUnnamed<T, O>(resource: Resource<T, O>, draft: T & { name?: string }): void {
  if (draft.name === '') draft.name = resource.defaultName?.(draft) ?? '';
}

async function draftFrom<T, O>(
  resource: Resource<T, O>,
  from: string | undefined,
  context: CliContext,
): Promise<T> {
  const given = from === undefined ? {} : await readDocument(from, context.io);
  return resource.codec.read({ ...resource.defaults, ...readObject(given, '') }, '');
}

function listText<T, O>(context: CliContext, resource: Listed<T, O>, page: Page<T>): string {
  if (page.items.length === 0) return `There are no ${resource.plural}.\n`;
  const more = page.nextPageToken === '' ? '' : '\nThere are more: raise --first.\n';
  return context.table(resource.columns, page.items) + more;
}

/** One item, and what came with it. */
export function showSaved<T, O>(
  context: CliContext,
  { name, codec, columns, details = [] }: Shown<T, O>,
  options: CommonOptions,
  saved: Saved<T>,
): void {
  const { item, secret, note, extra } = saved;
  if (item === undefined) throw new CliError(`The service answered without a ${name}.`, 4);
  context.answer(options, {
    json: () => {
      const json = codec.write(item);
      const shown = typeof json === 'object' && !Array.isArray(json) ? json : {};
      return { ...shown, ...extra, ...(secret === undefined ? {} : { secret }) };
    },
    text: () => {
      const facts = [...columns, ...details].map(
        (column) => [column.title, column.text(item)] as const,
      );
      const shown = facts.filter(([, value]) => value !== '');
      if (secret === undefined) return renderFacts(shown) + (note ? `\n${note}\n` : '');
      return `${renderFacts([...shown, ['SECRET', secret]])}\nKeep the secret now: it is not shown again.\n`;
    },
  });
}
