import {
  type GetReplicaStatusResponse,
  LinkState,
  type Member,
  MemberState,
} from '../../gen/weir/v1/cluster_service.js';
import type { CliCommand } from '../command.js';
import type { CliContext, CommonOptions } from '../context.js';
import { addClusterDemo } from './cluster-demo.js';
import { member } from '../json/cluster-messages.js';
import { MEMBER_COLUMNS, msText } from '../output/cluster-text.js';

export const clusterCommand: CliCommand = {
  name: 'cluster',
  summary: 'the health of the cluster in one look',
  examples: [
    { run: 'weir cluster status', does: 'who is there, who tells whom, and what is not well' },
    { run: 'weir cluster demo', does: 'three replicas, one limit, a kill and a return' },
    { run: 'weir cluster status --json', does: 'the same for a program; look at "problems"' },
  ],
  register: (program, context) => {
    const command = program.command('cluster').description('the replicas that count together');
    addClusterDemo(command, context);
    const status = command
      .command('status')
      .description('what one replica sees of all: members, streams, how old its news is');
    context
      .addCommonOptions(status)
      .action((options: CommonOptions) => showStatus(options, context));
  },
};

async function showStatus(options: CommonOptions, context: CliContext): Promise<void> {
  const [status, { members }] = await context.withService(options, ({ cluster }) =>
    Promise.all([cluster.getReplicaStatus({}), cluster.listMembers({})]),
  );
  const problems = members.flatMap(problemsOf);
  context.answer(options, {
    json: () => ({
      clusterName: status.clusterName,
      clustered: status.clustered,
      isRelay: status.isRelay,
      problems,
      members: members.map((one) => member.write(one) ?? null),
    }),
    text: () =>
      `${headline(status, members)}\n\n${context.table(MEMBER_COLUMNS, members)}\n${verdict(problems)}`,
  });
}

function headline(status: GetReplicaStatusResponse, members: readonly Member[]): string {
  const { self, clustered, clusterName, isRelay, freshness } = status;
  const name = self?.name ?? '';
  if (!clustered) return `${name} runs alone: cluster.enabled is off.`;
  const alive = members.filter(({ state }) => state === MemberState.MEMBER_STATE_ALIVE);
  const regions = new Set(alive.map(({ region }) => region)).size;
  const news = freshness === undefined ? 'has not heard of all' : `news of ${msText(freshness, 0)}`;
  const role = isRelay ? ', relay of its region' : '';
  return `Cluster ${clusterName}: ${alive.length} alive in ${count(regions, 'region')}. Seen by ${name}${role}: ${news}.`;
}

const verdict = (problems: readonly string[]): string =>
  problems.length === 0
    ? 'All is well.\n'
    : `${count(problems.length, 'problem')}:\n${problems.map((one) => `- ${one}\n`).join('')}`;

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** What somebody should look at, about one member. */
export function problemsOf(one: Member): readonly string[] {
  const { name, state, link, linkDetail, settingsAgree, bootId } = one;
  if (state === MemberState.MEMBER_STATE_SUSPECT) return [`${name} does not answer`];
  if (state === MemberState.MEMBER_STATE_DEAD) return [`${name} is dead`];
  if (state !== MemberState.MEMBER_STATE_ALIVE) return [];
  if (link === LinkState.LINK_STATE_REFUSED) return [`${name} differs in ${linkDetail}`];
  if (bootId !== '' && !settingsAgree) return [`${name} differs in settings`];
  if (BROKEN.includes(link)) return [`no counts are exchanged with ${name}: ${linkDetail}`];
  return [];
}

const BROKEN: readonly LinkState[] = [LinkState.LINK_STATE_CLOSED, LinkState.LINK_STATE_STALLED];
