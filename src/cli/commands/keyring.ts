import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import type { KeyAnswer } from '../../gen/weir/v1/cluster_service.js';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions, OutputOptions } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { readText } from '../input/document.js';
import { keyAnswer, keyUse } from '../json/cluster-messages.js';
import { ANSWER_COLUMNS, keyColumns } from '../output/cluster-text.js';

const KEY_BYTES = 32;

export const keyringCommand: CliCommand = {
  name: 'keyring',
  summary: 'the keys that seal what replicas tell each other',
  examples: [
    { run: 'weir keyring generate > new.key', does: 'a key for cluster.gossip.keyFile' },
    { run: 'weir keyring install new.key', does: 'first: every replica can open what it seals' },
    { run: 'weir keyring use 3f2a9c01b7de', does: 'second: every replica seals with it' },
    { run: 'weir keyring remove 0c4417aa90e2', does: 'last: nobody opens what the old one seals' },
    { run: 'weir keyring list', does: 'which keys are installed on how many replicas' },
  ],
  register: (program, context) => {
    const group = program.command('keyring');
    addGenerate(group, context);
    addInstall(group, context);
    addChange(group, context, 'use', 'seal with an installed key from now on, on every replica');
    addChange(group, context, 'remove', 'forget a key that no replica seals with');
    addList(group, context);
  },
};

function addGenerate(group: Command, context: CliContext): void {
  const command = group
    .command('generate')
    .description('print a new key of 32 bytes in base64; it is made here, no service is asked');
  context.addOutputOptions(command).action((options: OutputOptions) => {
    const key = randomBytes(KEY_BYTES).toString('base64');
    context.answer(options, { json: () => ({ key }), text: () => `${key}\n` });
  });
}

/** The key is read from a file, because arguments can be seen by everybody on the machine. */
function addInstall(group: Command, context: CliContext): void {
  const command = group
    .command('install')
    .description('add a key to every replica; it opens, and does not seal yet')
    .argument('<file>', 'file with one key in base64; - is standard input');
  context.addCommonOptions(command).action(async (file: string, options: CommonOptions) => {
    const key = parseKey(await readText(file, context.io), file);
    const { keyId, answers } = await context.withService(options, ({ cluster }) =>
      cluster.installKey({ key }),
    );
    showAnswers(context, options, keyId, answers);
  });
}

function addChange(
  group: Command,
  context: CliContext,
  name: 'use' | 'remove',
  description: string,
): void {
  const command = group
    .command(name)
    .description(description)
    .argument('<id>', 'the key, as list and install name it');
  context.addCommonOptions(command).action(async (keyId: string, options: CommonOptions) => {
    const { answers } = await context.withService(options, ({ cluster }) =>
      name === 'use' ? cluster.useKey({ keyId }) : cluster.removeKey({ keyId }),
    );
    showAnswers(context, options, keyId, answers);
  });
}

function addList(group: Command, context: CliContext): void {
  const command = group.command('list').description('list the keys by their ids; never the keys');
  context.addCommonOptions(command).action(async (options: CommonOptions) => {
    const { keys, answers } = await context.withService(options, ({ cluster }) =>
      cluster.listKeys({}),
    );
    const failed = answers.filter(({ problem }) => problem !== '');
    context.answer(options, {
      json: () => ({
        keys: keys.map((key) => keyUse.write(key) ?? null),
        answers: answers.map((answer) => keyAnswer.write(answer) ?? null),
      }),
      text: () =>
        context.table(keyColumns(answers.length), keys) +
        (failed.length === 0 ? '' : `\n${context.table(ANSWER_COLUMNS, failed)}`),
    });
    if (failed.length > 0) context.exitCode = EXIT.FAILED;
  });
}

function showAnswers(
  context: CliContext,
  options: OutputOptions,
  keyId: string,
  answers: readonly KeyAnswer[],
): void {
  context.answer(options, {
    json: () => ({ keyId, answers: answers.map((answer) => keyAnswer.write(answer) ?? null) }),
    text: () => `Key ${keyId}\n${context.table(ANSWER_COLUMNS, answers)}`,
  });
  if (answers.some(({ problem }) => problem !== '')) context.exitCode = EXIT.FAILED;
}

/** Nothing of the text is shown: it may be the key with one letter too many. */
function parseKey(content: string, file: string): Buffer {
  const text = content.trim();
  const key = Buffer.from(text, 'base64');
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text) && [16, 24, 32].includes(key.length)) return key;
  throw new CliError(
    `${file} does not hold one key in base64. Make one: weir keyring generate > ${file === '-' ? 'new.key' : file}`,
  );
}
