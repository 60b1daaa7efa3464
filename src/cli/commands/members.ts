import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { member } from '../json/cluster-messages.js';
import { MEMBER_COLUMNS } from '../output/cluster-text.js';

export const membersCommand: CliCommand = {
  name: 'members',
  summary: 'the replicas of the cluster, as one of them sees them',
  examples: [
    { run: 'weir members', does: 'name, address, state, region and round trip of each' },
    { run: 'weir members --json', does: 'the same with ports, versions and boot ids' },
  ],
  register: (program, context) => {
    const command = program
      .command('members')
      .description('list the replicas that the one which answers knows, itself included');
    context
      .addCommonOptions(command)
      .action((options: CommonOptions) => listMembers(options, context));
  },
};

async function listMembers(options: CommonOptions, context: CliContext): Promise<void> {
  const { members } = await context.withService(options, ({ cluster }) => cluster.listMembers({}));
  context.answer(options, {
    json: () => ({ members: members.map((one) => member.write(one) ?? null) }),
    text: () => context.table(MEMBER_COLUMNS, members),
  });
}
